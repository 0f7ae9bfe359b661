"""One gate of an atlas: which number a channel or a place is, what its columns are called, and what it has not."""

from __future__ import annotations

import numpy as np
import pytest

from cbam_core.atlas.gate import AtlasGate
from cbam_core.errors import AtlasError
from tests.atlas.made_plan import PLAN

MASK = AtlasGate("b1.spatial", "b1", "spatial", 1, (2, 3), first=4)


def test_a_place_is_counted_row_by_row() -> None:
    assert [MASK.flat((row, column)) for row in range(2) for column in range(3)] == list(range(6))
    assert [MASK.flat(number) for number in range(6)] == list(range(6))
    assert MASK.columns == slice(4, 10)


def test_a_number_and_its_place_have_the_name_of_their_column() -> None:
    for number, name in enumerate(MASK.column_names):
        assert MASK.label(number) == MASK.label(tuple(map(int, np.unravel_index(number, (2, 3))))) == name


@pytest.mark.parametrize("channel", [-1, 6, (2, 0), (0, 3), (0, -1), (0,), (0, 0, 0)])
def test_a_value_that_the_gate_has_not_is_refused(channel) -> None:
    with pytest.raises(AtlasError, match=r"b1\.spatial has no value .*; its values have the shape 2 x 3") as refused:
        MASK.flat(channel)
    assert refused.value.code == "atlas.unknown-channel"


@pytest.mark.parametrize("gate", [*PLAN.gates, MASK], ids=["channel", "spatial", "not placed"])
def test_a_gate_comes_back_as_it_was(gate: AtlasGate) -> None:
    assert AtlasGate.from_dict(gate.as_dict()) == gate
