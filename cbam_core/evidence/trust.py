"""Can the batch of this network grow? Tried out once, and remembered; where it cannot, each edit has its own forward.

Rows that join a batch must not change each other, and no operation may take the number of rows for something else. Both
hold for most networks in eval mode, but not for all: some normalise by the batch, others keep its size in a number.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.errors import EditError
from cbam_core.found_once import FoundOnce
from cbam_core.gates import AsIs, Scaled, capture, edit
from cbam_core.gates.joining import JoinedEdit, run_joined
from cbam_core.network.outputs import logits_in
from cbam_core.results.usual import Usual

log = logging.getLogger("cbam_lens")

MOST_ROWS = 128
"""Most edits in one forward of an image of 32x32 pixels, fewer for larger ones, so that memory has a limit."""

_TRIED: FoundOnce[bool] = FoundOnce()


def run_edits(
    model: nn.Module, batch: Float[Tensor, "1 ..."], edits: Sequence[JoinedEdit], usual: Usual | None = None
) -> tuple[Float[Tensor, "rows ..."], bool]:
    """Run a network on one image without an edit, then with each edit: together where that can be trusted.

    Args:
        model: the network, in eval mode; it is not changed.
        batch: its input.
        edits: the edits.
        usual: usual values of the gates, for replacements that need them.

    Returns:
        One row of outputs without an edit, then one for each edit; and whether they were computed together.

    Raises:
        EditError: an edit does not fit the network, or its gate did not run.
        CaptureError: the model is compiled, scripted or exported.
    """
    if can_grow(model, batch):
        found = _together(model, batch, edits, usual)
        if found is not None:
            return found, True
    return _each(model, batch, edits, usual), False


def can_grow(model: nn.Module, batch: Float[Tensor, "1 ..."]) -> bool:
    """Check that rows can join the batch of a network, on this input at the first time, then from memory.

    Each gate is replaced by itself, and two are halved: where all of these rows agree with forwards of one image, rows
    neither mix nor get lost.
    """
    return _TRIED.find(model, (tuple(batch.shape), batch.dtype, batch.device), lambda: _try(model, batch))


def _try(model: nn.Module, batch: Tensor) -> bool:
    with torch.inference_mode(), capture(model) as record:
        answer = model(batch)
    names = [gate.name for gate in record.gates]
    if not isinstance(answer, Tensor) or not answer.is_floating_point() or not names:
        return False
    plain = logits_in(answer)
    controls = [JoinedEdit({name: AsIs()}) for name in names]
    halved = [JoinedEdit({name: Scaled(0.5)}) for name in dict.fromkeys((names[0], names[-1]))]
    found = _together(model, batch, [*controls, *halved], None)
    single = _each(model, batch, halved, None)[1:]
    expected = torch.cat([plain.expand(1 + len(controls), *plain.shape[1:]), single])
    return found is not None and found.shape == expected.shape and _agree(found, expected)


def _agree(found: Tensor, expected: Tensor) -> bool:
    tolerance = max(1e-4, 8 * torch.finfo(expected.dtype).eps) * max(1.0, float(expected.abs().max()))
    return bool((found - expected).abs().max() <= tolerance)


def _together(model: nn.Module, batch: Tensor, edits: Sequence[JoinedEdit], usual: Usual | None) -> Tensor | None:
    """Run all edits in growing batches; None where an operation of the network does not allow that."""
    most = max(8, MOST_ROWS * 32 * 32 // max(1, batch[0, 0].numel()))
    parts = [edits[start : start + most] for start in range(0, max(1, len(edits)), most)]
    try:
        found = [logits_in(run_joined(model, batch, part, usual)[:, 0]) for part in parts]
    except EditError:
        raise
    except Exception:  # whatever the code of a network says to a number of rows that it did not expect
        log.debug("the network does not take a growing batch", exc_info=True)
        return None
    return torch.cat([found[0][:1], *(rows[1:] for rows in found)])


def _each(model: nn.Module, batch: Tensor, edits: Sequence[JoinedEdit], usual: Usual | None) -> Tensor:
    """Run each edit in a forward of its own."""
    with torch.inference_mode():
        rows = [logits_in(model(batch))]
        for one in edits:
            with edit(model, one.replacements, usual=usual, freeze_later=one.freeze_later):
                rows.append(logits_in(model(batch)))
    return torch.cat(rows)
