"""Running a batch without an edit and with each of several: in one forward, or in one for each edit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.errors import CbamError
from cbam_core.gates.editing import edit
from cbam_core.gates.joining import JoinedEdit, run_joined
from cbam_core.network.outputs import logits_in
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
        plain = logits_in(model(batch))
    return torch.stack([plain, *(run_edited(model, batch, one, usual) for one in edits)])


def run_edited(
    model: nn.Module, batch: Float[Tensor, "b ..."], one: JoinedEdit, usual: Usual | None = None
) -> Float[Tensor, "b ..."]:
    """Run a network on a batch with one edit, in a forward of its own; arguments and errors as `run_each`."""
    with torch.inference_mode(), edit(model, one.replacements, usual=usual, freeze_later=one.freeze_later):
        return logits_in(model(batch))


MOST_ROWS = 4096
"""Most rows in one forward of images of 32x32 pixels, fewer for larger ones, so that memory has a limit."""


def run_together(
    model: nn.Module,
    batch: Float[Tensor, "b ..."],
    edits: Sequence[JoinedEdit],
    usual: Usual | None = None,
    gates: Sequence[str] = (),
) -> Float[Tensor, "rows b ..."] | None:
    """Do the same in one forward, or in few; None where an operation of the network does not allow it.

    Args:
        model: the network, in eval mode; it is not changed.
        batch: its input.
        edits: the edits; those of the same gates should stand together.
        usual: usual values of the gates, for replacements that need them.
        gates: names of the gates in order of execution, by which edits are put together: what comes before the first
            of them is computed once. Empty for the order of the edits.
    """
    order = sorted(range(len(edits)), key=lambda number: _first(edits[number], gates))
    size = max(1, MOST_ROWS * 32 * 32 // max(1, batch[:, 0].numel()) - 1)
    parts = [order[start : start + size] for start in range(0, len(order), size)] or [[]]
    try:
        found = [run_joined(model, batch, [edits[number] for number in part], usual) for part in parts]
    except (RuntimeError, TypeError, ValueError, IndexError, CbamError):  # what is wrong with an edit, `run_each` says
        return None
    rows = torch.cat([found[0][:1], *(one[1:] for one in found)])
    if rows.ndim > 3 and set(rows.shape[3:]) == {1}:  # maps of one cell, which `run_each` takes as rows too
        rows = rows.flatten(2)
    return rows[[0, *(1 + place for place in np.argsort(order).tolist())]]


def _first(edit: JoinedEdit, gates: Sequence[str]) -> int:
    """Return the place of the first gate that an edit replaces."""
    return min((gates.index(name) for name in edit.replacements if name in gates), default=0)
