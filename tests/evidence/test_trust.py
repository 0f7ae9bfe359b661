"""Many edits of one image agree with single forwards, and a network that does not allow growth gets single forwards."""

from __future__ import annotations

from collections.abc import Callable

import jaxtyping
import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM_CNN, Off, Usual, Values, capture, edit
from cbam_core.errors import EditError
from cbam_core.evidence import trust
from cbam_core.evidence.trust import can_grow, run_edits
from cbam_core.gates.joining import JoinedEdit
from cbam_core.nn import CBAM
from cbam_core.nn.cbam_resnet import CBAM_ResNet


@pytest.fixture(autouse=True)
def _batches_may_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes in signatures are not checked: a batch grows inside modules that say that they keep it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


class Network(nn.Module):
    """A small network with a gate, and something after it."""

    def __init__(self, after: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.cbam, self.fc = nn.Conv2d(3, 4, 3), CBAM(4, ratio=2), nn.Linear(4, 3)
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        features = self.after(self.cbam(self.conv(x)), x.size(0))
        answer: Tensor = self.fc(features.flatten(2).mean(2))
        return answer


EDITS = [JoinedEdit({"cbam.channel": Off()}), JoinedEdit({"cbam.spatial": Values(0.2)})]
IMAGE = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def each(model: nn.Module, batch: Tensor, edits: list[JoinedEdit]) -> Tensor:
    rows = []
    with torch.inference_mode():
        for one in edits:
            with edit(model, one.replacements, freeze_later=one.freeze_later):
                rows.append(model(batch))
    return torch.cat(rows)


@pytest.mark.parametrize("make", [CBAM_CNN, CBAM_ResNet])
def test_edits_of_own_networks_are_computed_together(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model, batch = make().eval(), torch.randn(1, 3, 32, 32)
    names = ["cbam1.", "cbam3."] if isinstance(model, CBAM_CNN) else ["stage3.0.cbam."]
    edits = [
        JoinedEdit({name + kind: replacement}, freeze_later=frozen)
        for name in names
        for kind in ("channel", "spatial")
        for replacement in (Off(), Values(0.3))
        for frozen in (False, True)
    ]
    found, together = run_edits(model, batch, edits)
    assert together
    torch.testing.assert_close(found[1:], each(model, batch, edits), rtol=0, atol=1e-5)
    torch.testing.assert_close(found[:1], model(batch), rtol=0, atol=1e-5)


def test_edits_are_split_over_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "MOST_ROWS", 0)
    model = Network(lambda x, _: x).eval()
    edits = [JoinedEdit({"cbam.channel": Values(number / 20)}) for number in range(20)]
    found, together = run_edits(model, IMAGE, edits)
    assert together
    torch.testing.assert_close(found[1:], each(model, IMAGE, edits))
    assert run_edits(model, IMAGE, [])[0].shape == (1, 3)


MIXING: dict[str, Callable[[Tensor, int], Tensor]] = {
    "normalised by the batch": lambda x, _: nn.functional.batch_norm(x, None, None, training=True),
    "centred over the batch": lambda x, _: x - x.mean(0, keepdim=True),
    "cut to the size of the batch": lambda x, count: x[:count],
    "picked by the size of the batch": lambda x, count: x[torch.arange(count)],
    "folded with the size of the batch": lambda x, count: x.flatten().unflatten(0, (count, 4, -1)),
}


@pytest.mark.parametrize("sort", MIXING)
def test_a_network_whose_rows_see_each_other_gets_one_forward_for_each_edit(sort: str) -> None:
    model = Network(MIXING[sort]).eval()
    found, together = run_edits(model, IMAGE, EDITS)
    assert not together
    assert torch.equal(found[1:], each(model, IMAGE, EDITS))


def test_the_trial_is_made_once_for_each_size() -> None:
    sizes = []
    model = Network(lambda x, _: x).eval()
    model.conv.register_forward_hook(lambda _m, _i, out: sizes.append(len(out)))
    assert can_grow(model, IMAGE)
    tried = len(sizes)
    assert can_grow(model, IMAGE)
    assert len(sizes) == tried
    assert can_grow(model, torch.rand(1, 3, 9, 9))
    assert len(sizes) == 2 * tried
    model.add_module("later", nn.Flatten())  # another network, as far as anybody can tell
    assert can_grow(model, IMAGE)
    assert len(sizes) == 3 * tried


def test_another_path_than_in_the_trial_is_taken_in_single_forwards() -> None:
    paths: list[Callable[[Tensor, int], Tensor]] = [lambda x, _: x]
    model = Network(lambda x, count: paths[-1](x, count)).eval()
    assert run_edits(model, IMAGE, EDITS)[1]
    paths.append(lambda x, count: x.flatten().unflatten(0, (count, 4, -1)))
    found, together = run_edits(model, IMAGE, EDITS)
    assert not together
    assert torch.equal(found[1:], each(model, IMAGE, EDITS))


def test_a_network_without_gates_or_with_another_answer_than_a_tensor_is_not_grown() -> None:
    assert not can_grow(nn.Conv2d(3, 4, 3), IMAGE)

    class Two(Network):
        def forward(self, x: Tensor) -> tuple[Tensor]:  # type: ignore[override]
            return (super().forward(x),)

    model = Two(lambda x, _: x).eval()
    found, together = run_edits(model, IMAGE, EDITS)
    assert found.shape == (3, 3)
    assert not together


def test_what_is_wrong_with_an_edit_is_said() -> None:
    with pytest.raises(EditError, match=r"usual values of gate cbam\.channel are not known"):
        run_edits(Network(lambda x, _: x).eval(), IMAGE, [JoinedEdit({"cbam.channel": Usual()})])


def test_gates_of_other_modules_are_computed_together_too() -> None:
    class Masked(Network):
        def forward(self, x: Tensor) -> Tensor:
            features = self.conv(x)
            features = self.cbam(features * features.mean(1, keepdim=True).sigmoid())
            answer: Tensor = self.fc(features.flatten(2).mean(2))
            return answer

    model = Masked(lambda x, _: x).eval()
    with torch.inference_mode(), capture(model) as record:
        model(IMAGE)
    names = [gate.name for gate in record.gates]
    assert len(names) == 3
    edits = [JoinedEdit({name: Values(0.3)}) for name in names]
    found, together = run_edits(model, IMAGE, edits)
    assert together
    torch.testing.assert_close(found[1:], each(model, IMAGE, edits), rtol=0, atol=1e-5)
