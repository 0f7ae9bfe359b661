"""`edit` replaces gates of modules that this library does not know, in the same words."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from cbam_core import Inverted, Off, OwnMean, Scaled, Values, capture, edit
from cbam_core.errors import EditError
from cbam_core.gates.replacements import AsIs, Target

timm = pytest.importorskip("timm")


class Squeeze(nn.Module):
    """Squeeze and excitation, with its sigmoid inline."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(8, 4), nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        count, channels, _, _ = x.shape
        weights = torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3))))))
        return x * weights.view(count, channels, 1, 1).expand_as(x)


class Raised(nn.Module):
    """A mask to which one is added: the map is multiplied by 1 + g."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.conv(x).sigmoid())


def network(attention: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), attention, nn.Conv2d(8, 4, 3), nn.Flatten()).eval()


def timm_cbam() -> nn.Module:
    from timm.layers.cbam import CbamModule

    module: nn.Module = CbamModule(8, rd_ratio=0.5)
    return module


KINDS: dict[str, Callable[[], nn.Module]] = {"squeeze": Squeeze, "raised": Raised, "timm": timm_cbam}
BATCH = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def names_in(model: nn.Module) -> list[str]:
    with torch.inference_mode(), capture(model) as record:
        model(BATCH)
    return [gate.name for gate in record.gates]


@pytest.mark.parametrize("sort", KINDS)
def test_all_gates_off_is_the_network_without_attention(sort: str) -> None:
    model = network(KINDS[sort]())
    without = nn.Sequential(model[0], *model[2:])
    assert names_in(model)
    with torch.inference_mode(), edit(model, {"*": Off()}):
        found = model(BATCH)
    with torch.inference_mode():
        torch.testing.assert_close(found, without(BATCH))
        assert not torch.allclose(model(BATCH), without(BATCH))


@pytest.mark.parametrize("sort", KINDS)
def test_a_gate_that_is_replaced_by_itself_keeps_every_bit(sort: str) -> None:
    model = network(KINDS[sort]())
    with torch.inference_mode():
        plain = model(BATCH)
        for edits in ({"*": AsIs()}, {}):
            with edit(model, edits):
                assert torch.equal(model(BATCH), plain)


@pytest.mark.parametrize("sort", KINDS)
def test_a_record_holds_the_replaced_values(sort: str) -> None:
    model = network(KINDS[sort]())
    names = names_in(model)
    with torch.inference_mode(), edit(model, {names[0]: Values(0.25)}), capture(model) as record:
        model(BATCH)
    assert torch.equal(record.gates[0].values, torch.full_like(record.gates[0].values, 0.25))
    assert [gate.name for gate in record.gates] == names


def test_scale_and_shift_stand_beside_the_values() -> None:
    model = network(Raised())
    seen: list[Target] = []
    (name,) = names_in(model)
    with torch.inference_mode(), edit(model, {name: lambda gate: seen.append(gate) or Inverted()(gate)}):
        found = model(BATCH)
    before = model[0](BATCH)
    expected = before * (2 - model[1].conv(before).sigmoid())
    assert (seen[0].kind, seen[0].scale, seen[0].shift, seen[0].values.shape) == ("spatial", 1.0, 1.0, (3, 6, 6))
    with torch.inference_mode():
        torch.testing.assert_close(found, model[3](model[2](expected)))


def test_later_gates_can_be_frozen() -> None:
    model = network(timm_cbam())
    names = names_in(model)
    assert len(names) == 2
    with torch.inference_mode(), capture(model) as plain:
        model(BATCH)
    with torch.inference_mode(), edit(model, {names[0]: Scaled(0.5)}, freeze_later=True), capture(model) as record:
        model(BATCH)
    assert torch.equal(record.gates[0].values, plain.gates[0].values / 2)
    assert torch.equal(record.gates[1].values, plain.gates[1].values)


def test_threads_edit_one_model_each_for_itself() -> None:
    model = network(timm_cbam())
    (first, _) = names_in(model)

    def run(level: float) -> Tensor:
        with torch.inference_mode(), edit(model, {first: Values(level)}):
            found: Tensor = model(BATCH)
        return found

    levels = [0.0, 0.25, 0.5, 1.0]
    expected = [run(level) for level in levels]
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(a, b) for a, b in zip(pool.map(run, levels), expected, strict=True))


def test_what_is_not_there_is_said_at_the_forward() -> None:
    model = network(Squeeze())
    (name,) = names_in(model)
    with pytest.raises(EditError, match=r"there is no gate 'cbam1\.spatial'"), edit(model, {"cbam1.spatial": Off()}):
        model(BATCH)
    with pytest.raises(EditError, match="has no positions to take a mean over"), edit(model, {name: OwnMean()}):
        model(BATCH)


@pytest.mark.parametrize("sort", KINDS)
def test_a_replacement_that_fails_is_said_in_one_sentence(sort: str) -> None:
    def failing(gate: Target) -> Tensor:
        raise TypeError("not like this")

    model = network(KINDS[sort]())
    name = names_in(model)[0]
    said = f"the replacement of gate {name} failed: TypeError: not like this"
    with torch.inference_mode(), pytest.raises(EditError, match=said) as caught, edit(model, {name: failing}):
        model(BATCH)
    assert isinstance(caught.value.__cause__, TypeError)
