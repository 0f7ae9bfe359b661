"""Some channels or cells of a gate replaced, and the others left as they are."""

from __future__ import annotations

import pytest
import torch

from cbam_core.errors import EditError
from cbam_core.gates.replacements import Off, Only, Values
from tests.gates.replacements.targets import CHANNEL, FULL, MASK, MASKS


def test_some_channels_or_cells_alone_are_replaced() -> None:
    assert Only(Off(), channels=[0, 2])(CHANNEL).tolist() == [[1.0, 0.5, 1.0], [1.0, 0.5, 1.0]]
    opened = MASKS.masked_fill(torch.tensor([[False, True], [False, False]]), 1.0)
    assert torch.equal(Only(Off(), cells=[(0, 1)])(MASK), opened)
    changed = (Only(Values(0.99), channels=[1], cells=[(0, 0), (1, 1)])(FULL) != FULL.values).nonzero()
    assert changed.tolist() == [[image, 1, place, place] for image in (0, 1) for place in (0, 1)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Only(Off), r"given Off without \(\)"),
        (lambda: Only(Off(), channels=[1])(MASK), "gate block.spatial has no channels to choose from"),
        (lambda: Only(Off(), cells=[(0, 0)])(CHANNEL), "gate block.channel has no cells to choose from"),
        (lambda: Only(Off(), channels=[3])(CHANNEL), r"numbered from 0 to 2; given \[3\]"),
        (lambda: Only(Off(), cells=[(0, 2)])(MASK), r"numbered from 0, 0 to 1, 1; given \[\(0, 2\)\]"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(make: object, said: str) -> None:
    with pytest.raises(EditError, match=said):
        make()
