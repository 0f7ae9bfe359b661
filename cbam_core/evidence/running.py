"""Running a batch without an edit and with each of several: in one forward, or in one for each edit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.errors import EditError
from cbam_core.gates.editing import edit
from cbam_core.gates.joining import JoinedEdit, run_joined
from cbam_core.results.usual import Usual


def run_each(
    model: nn.Module, batch: Float[Tensor, "b ..."], edits: Sequence[JoinedEdit], usual: Usual | None = None
) -> Float[Tensor, "rows b ..."]:
    """Run a network on a batch without an edit, then with each edit, in a forward of its own.

    Args:
        model: the network, in eval mode; it is not changed.
        batch: its input.
        edits: the edits.
        usual: usual values of the gates, for replacements that need them.

    Returns:
        Outputs without an edit, then with each of the edits; the batch has the same size in all forwards.

    Raises:
        EditError: an edit does not fit the network, or its gate did not run.
        CaptureError: the model is compiled, scripted or exported.
    """
    with torch.inference_mode():
        outputs = [model(batch)]
        for one in edits:
            with edit(model, one.replacements, usual=usual, freeze_later=one.freeze_later):
                outputs.append(model(batch))
    return torch.stack(outputs)


def run_together(
    model: nn.Module, batch: Float[Tensor, "b ..."], edits: Sequence[JoinedEdit], usual: Usual | None = None
) -> Float[Tensor, "rows b ..."] | None:
    """Do the same in one forward; None where an operation of the network does not allow it."""
    try:
        return run_joined(model, batch, edits, usual)
    except (RuntimeError, TypeError, ValueError, IndexError, EditError):  # what is wrong with an edit, `run_each` says
        return None
