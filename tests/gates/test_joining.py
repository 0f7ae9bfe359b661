"""Many edits in one forward: rows join at the gate that they edit, and answer as in a forward of their own."""

from __future__ import annotations

import re
from collections.abc import Callable

import jaxtyping
import pytest
import torch
from torch import Tensor, nn

from cbam_core import CBAM_CNN, capture, edit
from cbam_core.errors import EditError
from cbam_core.gates.joining import JoinedEdit, run_joined
from cbam_core.gates.replacements import AnyReplacement, AsIs, Off, OtherImage, OwnMean, Target, Values
from cbam_core.nn import CBAM
from cbam_core.nn.cbam_resnet import CBAM_ResNet

EDITS: tuple[dict[str, AnyReplacement], ...] = (
    {"cbam3.spatial": Off()},  # joins last, though it comes first
    {"cbam1.channel": Values(0.3)},
    {"cbam2.spatial": OwnMean(), "cbam1.spatial": Off()},
    {"*": OtherImage()},
    {"*.channel": AsIs()},
)


@pytest.fixture(autouse=True)
def _batches_may_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes in signatures are not checked: a batch grows inside modules that say that they keep it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def single(model: nn.Module, batch: Tensor, edits: dict[str, AnyReplacement]) -> Tensor:
    with torch.inference_mode(), edit(model, edits):
        output: Tensor = model(batch)
    return output


def test_each_edit_answers_as_in_a_forward_of_its_own(model: CBAM_CNN, batch: Tensor) -> None:
    found = run_joined(model, batch, [JoinedEdit(edits) for edits in EDITS])
    torch.testing.assert_close(found[0], single(model, batch, {}), rtol=0, atol=1e-5)
    for row, edits in zip(found[1:], EDITS, strict=True):
        torch.testing.assert_close(row, single(model, batch, edits), rtol=0, atol=1e-5)
    torch.testing.assert_close(found[5], found[0], rtol=0, atol=1e-6)
    assert not torch.allclose(found[2], found[0], rtol=0, atol=1e-4)


def test_what_comes_before_the_edited_gate_is_computed_once(model: CBAM_CNN, batch: Tensor) -> None:
    counts: dict[str, list[int]] = {"conv1": [], "conv3": [], "fc2": []}
    for name, seen in counts.items():
        model.get_submodule(name).register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(len(out)))
    edits = [JoinedEdit({"cbam2.channel": Off()}), JoinedEdit({"cbam3.channel": Off()})]
    run_joined(model, batch, edits)  # hooks of users are looked at for gates, once
    for seen in counts.values():
        seen.clear()
    run_joined(model, batch, edits)
    size = len(batch)
    assert counts == {"conv1": [size], "conv3": [2 * size], "fc2": [3 * size]}


def test_residual_blocks_get_the_rows_that_their_shortcut_lacks() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CBAM_ResNet(num_classes=3).eval()
        batch = torch.randn(3, 3, 32, 32)
    edits: list[dict[str, AnyReplacement]] = [{"stage1.0.cbam.spatial": Off()}, {"stage3.1.cbam.channel": Off()}]
    found = run_joined(network, batch, [JoinedEdit(one) for one in edits])
    for row, one in zip(found[1:], edits, strict=True):
        torch.testing.assert_close(row, single(network, batch, one), rtol=0, atol=1e-5)


class _Squeeze(nn.Module):
    """A gate whose shape is said with a batch size that was read before rows joined."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.cbam = nn.Conv2d(3, 4, 1), CBAM(4, ratio=2)

    def forward(self, x: Tensor) -> Tensor:
        size = x.size(0)
        features = self.cbam(self.conv(x)).view(size, 4, -1)
        both = torch.cat([features.mean(2), x.reshape(size, -1)[:, :2]], dim=1)
        return both.reshape((size, 6))


def test_a_batch_size_that_was_read_before_is_corrected() -> None:
    network = _Squeeze().eval()
    batch = torch.randn(5, 3, 6, 6)
    found = run_joined(network, batch, [JoinedEdit({"cbam.channel": Off()})])
    assert torch.equal(found[1], single(network, batch, {"cbam.channel": Off()}))


def _double(gate: Target) -> Tensor:
    return 0.5 * gate.values


def test_a_direct_effect_keeps_later_gates_as_they_were(model: CBAM_CNN, batch: Tensor) -> None:
    later: dict[str, AnyReplacement] = {}

    def remember(gate: Target) -> Tensor:
        later[gate.name] = Values(gate.values, unbounded=True)
        return gate.values

    single(model, batch, {"cbam3.*": remember, "cbam2.spatial": remember})
    expected = single(model, batch, {"cbam2.channel": _double, **later})
    edits = {"cbam2.channel": _double}
    found = run_joined(model, batch, [JoinedEdit(edits, freeze_later=True), JoinedEdit(edits)])
    torch.testing.assert_close(found[1], expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(found[2], single(model, batch, edits), rtol=0, atol=1e-5)
    assert not torch.allclose(found[1], found[2], rtol=0, atol=1e-5)


def test_nothing_is_left_on_the_model(model: CBAM_CNN, batch: Tensor, hooks, state) -> None:
    before = hooks(model), state(model)
    run_joined(model, batch, [JoinedEdit({"*": Off()})])
    with pytest.raises(EditError, match=re.escape("there is no gate 'cbam9.channel'; this network has cbam1.")):
        run_joined(model, batch, [JoinedEdit({"cbam9.channel": Off()})])
    assert (hooks(model), state(model)) == before


def test_an_edit_of_a_gate_that_does_not_run_is_an_error(model: CBAM_CNN, batch: Tensor) -> None:
    with pytest.raises(EditError, match=r"gate cbam1#2\.channel did not run"):
        run_joined(model, batch, [JoinedEdit({"cbam1#2.channel": Off()})])


def test_a_replacement_may_be_as_long_as_some_batches(model: CBAM_CNN) -> None:
    batch = torch.randn(4, 3, 32, 32)  # a mask of 16 x 16 is as long as four batches
    masks: list[dict[str, AnyReplacement]] = [
        {"cbam1.spatial": Values(torch.full((16, 16), 0.1 * number))} for number in range(1, 6)
    ]
    found = run_joined(model, batch, [JoinedEdit({"cbam1.channel": Off()}), *map(JoinedEdit, masks)])
    for row, edits in zip(found[2:], masks, strict=True):
        torch.testing.assert_close(row, single(model, batch, edits), rtol=0, atol=1e-5)


class _Lengths(nn.Module):
    """A gate beside weights and constants that are as long as some numbers of rows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.cbam = nn.Conv2d(3, 4, 1), CBAM(4, ratio=2)
        self.matrix, self.scale = nn.Parameter(torch.rand(4, 3)), nn.Parameter(torch.rand(2, 1))

    def forward(self, x: Tensor) -> Tensor:
        before = self.conv(x)
        after = self.cbam(before)
        pooled = torch.where(after > 0, after, before).mean((2, 3))
        pooled += before.amax((2, 3))
        pairs = pooled.reshape(-1, 2, 2) * self.scale
        return torch.matmul(pairs.flatten(1), self.matrix) + torch.arange(3.0)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("edits", range(1, 7))
def test_weights_as_long_as_the_batch_keep_their_length(count: int, edits: int) -> None:
    network = _Lengths().eval()
    batch = torch.randn(count, 3, 5, 5)
    rows: list[dict[str, AnyReplacement]] = [{"cbam.channel": Values(0.1 * number)} for number in range(edits)]
    found = run_joined(network, batch, [JoinedEdit(one) for one in rows])
    for row, one in zip(found[1:], rows, strict=True):
        torch.testing.assert_close(row, single(network, batch, one))
    assert not vars(batch)


class _Excite(nn.Module):
    """Squeeze and excitation with an inline sigmoid, whose view names the number of rows."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.fc(x.mean((2, 3))))
        return x * weights.view(len(x), 4, 1, 1).expand_as(x)


class _Raised(nn.Module):
    """A map multiplied by 1 + g, and by a second mask beside it that is computed from the same map."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 1, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.first(x).sigmoid(), self.second(x).sigmoid()
        product: Tensor = x * (1 + first) + x * second
        return product


class _Root(nn.Module):
    """A network whose own code multiplies, after a block of this library and a residual sum."""

    def __init__(self, attention: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv, self.att, self.cbam = nn.Conv2d(3, 4, 3), attention(), CBAM(4, ratio=2)
        self.mask, self.fc = nn.Conv2d(4, 1, 1), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        before = self.conv(x)
        after = self.cbam(self.att(before)) + before
        answer: Tensor = self.fc((after * self.mask(after).sigmoid()).mean((2, 3)))
        return answer


GATES = {_Excite: ["att.channel"], _Raised: ["att.spatial", "att#2.spatial"]}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("attention", [_Excite, _Raised])
def test_gates_that_operations_show_join_as_others_do(attention: Callable[[], nn.Module], *, frozen: bool) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network, batch = _Root(attention).eval(), torch.randn(3, 3, 6, 6)
    with torch.inference_mode(), capture(network) as record:
        network(batch)
    names = [gate.name for gate in record.gates]
    assert names == [*GATES[attention], "cbam.channel", "cbam.spatial", "_Root.spatial"]
    rows: list[dict[str, AnyReplacement]] = [{name: _double} for name in reversed(names)]
    found = run_joined(network, batch, [JoinedEdit(one, freeze_later=frozen) for one in [*rows, {"*": AsIs()}]])
    for row, one in zip(found[1:], [*rows, {}], strict=True):
        with torch.inference_mode(), edit(network, one, freeze_later=frozen):
            torch.testing.assert_close(row, network(batch), rtol=0, atol=1e-6)
    assert not torch.allclose(found[1], found[0], rtol=0, atol=1e-4)


def test_an_unknown_gate_beside_those_that_operations_show_is_named() -> None:
    with pytest.raises(EditError, match=r"no gate 'att\.spatial'; this network has .*att\.channel"):
        run_joined(_Root(_Excite).eval(), torch.randn(2, 3, 6, 6), [JoinedEdit({"att.spatial": Off()})])


class _Folded(nn.Module):
    """Channels in two groups that stand one after the other along the first axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.weight = nn.Conv2d(3, 4, 1), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        folded = self.conv(x).reshape(len(x) * 2, 2, 6, 6)
        gated = folded * self.weight(folded.mean((2, 3))).sigmoid()[:, :, None, None]
        return gated.reshape(len(x), 4, 36).mean(2)


def test_rows_do_not_join_at_a_gate_whose_first_axis_is_not_that_of_the_batch() -> None:
    torch.manual_seed(0)
    network, batch = _Folded().eval(), torch.randn(2, 3, 6, 6)
    with torch.inference_mode(), capture(network) as record:
        network(batch)
    with pytest.raises(RuntimeError):
        run_joined(network, batch, [JoinedEdit({record.gates[0].name: _double})])
