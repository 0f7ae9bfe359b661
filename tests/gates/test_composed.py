"""A replacement in steps: another one, a factor, and values set by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cbam_core import CBAM_CNN, edit
from cbam_core.errors import EditError
from cbam_core.gates.composed import Composed
from cbam_core.gates.replacements import Target, Usual

MASK = Target("b.spatial", "spatial", torch.tensor([[[0.1, 0.2], [0.3, 0.4]]]), np.full((2, 2), 0.5, np.float32))


def test_a_factor_comes_before_values_that_are_set() -> None:
    found = Composed(Usual(), 0.5, {0: 1.0, 3: 0.0})(MASK)
    assert torch.equal(found, torch.tensor([[[1.0, 0.25], [0.25, 0.0]]]))
    assert torch.equal(MASK.values[0, 0], torch.tensor([0.1, 0.2]))  # the gate itself stays


def test_nothing_to_do_gives_the_gate_itself() -> None:
    assert Composed()(MASK) is MASK.values


@pytest.mark.parametrize("index", [-1, 4])
def test_a_value_beyond_the_gate_is_refused(index: int) -> None:
    with pytest.raises(EditError, match=rf"gate b.spatial has values numbered from 0 to 3; given {index}"):
        Composed(values={index: 1.0, 0: 0.5})(MASK)


def test_it_replaces_gates_like_any_other(tiny_classifier) -> None:
    model, batch = tiny_classifier.model, torch.randn(2, 3, 32, 32)
    assert isinstance(model, CBAM_CNN)
    with torch.inference_mode():
        plain = model(batch)
        with edit(model, {"cbam3.spatial": Composed(factor=0.5)}):
            halved = model(batch)
        with edit(model, {"cbam3.channel": Composed(factor=0.5)}):
            other = model(batch)
    assert not torch.allclose(plain, halved)
    torch.testing.assert_close(halved, other, rtol=0, atol=1e-2)  # both halve the same map, but for the mask's answer
