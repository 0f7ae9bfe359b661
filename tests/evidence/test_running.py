"""A batch with many edits gives the same answers in one forward, in a few, and in one for each edit."""

from __future__ import annotations

import jaxtyping
import pytest
import torch

from cbam_core import CBAM_CNN, Off, Values
from cbam_core.evidence import running
from cbam_core.evidence.running import run_each, run_edited, run_together
from cbam_core.gates.joining import JoinedEdit

GATES = ("cbam1.channel", "cbam1.spatial", "cbam2.channel", "cbam2.spatial", "cbam3.channel", "cbam3.spatial")
EDITS = [JoinedEdit({name: how}) for how in (Off(), Values(0.3)) for name in reversed(GATES)]


@pytest.fixture(autouse=True)
def _batches_may_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes in signatures are not checked: a batch grows inside modules that say that they keep it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize("most", [1, 10, 4096])
def test_edits_are_split_over_few_forwards_and_keep_their_order(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    torch.manual_seed(0)
    model, batch, seen = CBAM_CNN(num_classes=3).eval(), torch.randn(2, 3, 32, 32), list[int]()
    model.fc2.register_forward_hook(lambda _module, _inputs, output: seen.append(len(output)))
    expected = run_each(model, batch, EDITS)
    assert torch.equal(run_edited(model, batch, EDITS[3]), expected[4])
    monkeypatch.setattr(running, "MOST_ROWS", most)
    run_together(model, batch, EDITS[:1])
    seen.clear()
    found = run_together(model, batch, EDITS, gates=GATES)
    assert found is not None
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert seen == {1: [4] * 12, 10: [10, 10, 10], 4096: [26]}[most]
    nothing = run_together(model, batch, [], gates=GATES)
    assert nothing is not None
    torch.testing.assert_close(nothing, expected[:1], rtol=0, atol=1e-5)
