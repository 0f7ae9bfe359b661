import pytest
import torch
from torch import nn

from cbam_core.errors import CaptureError, ModelError
from cbam_core.gates.anatomy import summarise
from cbam_core.gates.audit import audit_network
from cbam_core.nn import CBAM
from cbam_core.results.audit import Audit, BlockAudit, facts_of
from tests.gates.audit.planted import PLANTED
from tests.gates.audit.spellings import HIDDEN, PLAIN, Base, C, Network

SIZE = (12, 12)


class ByHand(nn.Module):
    """A norm without a call that is named so."""

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        return v / (v.pow(2).mean(1, keepdim=True) + 1e-9).sqrt()


def audited(block: nn.Module, *, repeats: int = 0) -> Audit:
    return audit_network(Network(block).eval(), SIZE, repeats=repeats)


def only_block(name: str) -> BlockAudit:
    torch.manual_seed(1)
    (block,) = audited({**PLAIN, **{key: one for key, (one, _) in PLANTED.items()}}[name]()).blocks
    return block


def codes(block: BlockAudit) -> set[str]:
    return {one.code.removeprefix("audit.") for one in block.deviations}


@pytest.mark.parametrize("name", PLAIN)
def test_the_papers_block_has_no_deviation_however_it_is_spelled(name: str) -> None:
    block = only_block(name)
    assert codes(block) == set()
    assert [str(one) for one in block.unknown] == []
    assert block.is_plain
    channel, mask = block.gates
    assert (channel.pools, channel.hidden, channel.squash, channel.shared) == (("mean", "max"), 2, "sigmoid", True)
    assert (mask.pools, mask.kernel) == (("mean", "max"), (7, 7))
    assert mask.planes == (None if name == "Indirect" else ("mean", "max"))


@pytest.mark.parametrize("name", PLANTED)
def test_planted_deviations_are_found_and_no_others(name: str) -> None:
    block = only_block(name)
    assert codes(block) == PLANTED[name][1], [str(one) for one in block.deviations]


def test_costs_are_those_of_the_summary() -> None:
    model = nn.Sequential(nn.Conv2d(3, C, 3), CBAM(C), nn.Conv2d(C, 16, 3, stride=2), CBAM(16, ratio=4)).eval()
    found, summary = audit_network(model, SIZE, repeats=0), summarise(model, SIZE)
    assert [(one.name, one.parameters, one.multiply_adds) for one in found.blocks] == [
        (one.name, one.parameters, one.multiply_adds) for one in summary.blocks
    ]
    assert [block.is_plain for block in found.blocks] == [True, False]
    assert [block.gates[0].ratio for block in found.blocks] == [16, 4]


def test_blocks_that_differ_in_channels_alone_are_alike() -> None:
    model = nn.Sequential(nn.Conv2d(3, C, 3), CBAM(C), nn.Conv2d(C, 16, 3), CBAM(16), CBAM(16, ratio=4)).eval()
    found = audit_network(model, SIZE, repeats=0)
    assert [[block.name for block in group] for group in found.groups] == [["1", "3"], ["4"]]


def test_times_are_of_so_many_runs_and_left_out_without() -> None:
    found = audited(PLAIN["Parts"](), repeats=3)
    assert found.repeats == 3
    assert found.milliseconds is not None
    assert found.milliseconds > 0
    assert all(block.milliseconds is not None and block.milliseconds > 0 for block in found.blocks)
    assert audited(PLAIN["Parts"]()).as_dict()["forward_milliseconds"] is None


def test_the_network_is_not_touched() -> None:
    model = Network(PLANTED["Norm"][0]()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CaptureError, match="training mode"):
        audit_network(model, SIZE)
    model.eval()
    audit_network(model, SIZE, repeats=1)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_size_that_the_network_cannot_take_is_one_sentence() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(5, 2)).eval()
    with pytest.raises(ModelError, match="here cannot compute with an input of 1x3x12x12"):
        audit_network(model, SIZE, name="here")


def scripted_pools(x: torch.Tensor) -> torch.Tensor:
    return x.mean((2, 3)) + x.amax((2, 3))


class Scripted(Base):
    """Its pools are inside a scripted function, of which nothing is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.pools = torch.jit.script(scripted_pools)

    def weights(self, x: torch.Tensor) -> torch.Tensor:
        return self.perceptron(self.pools(x)).sigmoid()[:, :, None, None]


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_what_is_not_seen_is_unknown_and_not_guessed() -> None:
    (block,) = audited(Scripted()).blocks
    channel, mask = block.gates
    assert (channel.pools, channel.shared, channel.bias, channel.squash) == (None, None, None, None)
    assert {one.values["gate"] for one in block.unknown} == {"block.channel"}
    assert codes(block) == set()
    assert not block.is_plain
    assert mask.pools == ("mean", "max")


class Branches(nn.Module):
    """Two branches of which a softmax chooses, as in selective kernel networks."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(C, C, 3, padding=1), nn.Conv2d(C, C, 5, padding=2)
        self.fc = nn.Linear(C, 3 * C)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two = self.one(x), self.two(x)
        shares = self.fc((one + two).mean((2, 3))).view(-1, 3, C, 1, 1).softmax(1)
        return shares[:, 0] * one + shares[:, 1] * two + shares[:, 2] * x


def test_shares_among_branches_are_no_block() -> None:
    found = audited(Branches())
    assert found.blocks == ()
    assert found.why_none == "No gate was found in Network."


def test_gates_in_two_modules_are_one_block_where_the_mask_multiplies_what_the_weights_did() -> None:
    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, C, 3, padding=1)
            self.first, self.second = PLANTED["NoMask"][0](), PLANTED["NoChannel"][0]()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(self.conv(x))).mean((2, 3))

    (block,) = audit_network(Apart().eval(), SIZE, repeats=0).blocks
    assert (block.name, block.style, block.order) == ("first + second", "CBAM", "channel, spatial")
    assert codes(block) == set()


@pytest.mark.parametrize(
    ("norm", "found", "how"),
    [
        (nn.Identity(), (), "both"),
        (nn.BatchNorm1d(HIDDEN), ("hidden",), "read"),
        (nn.LayerNorm(HIDDEN), ("hidden",), "both"),
        (nn.GroupNorm(1, HIDDEN), ("hidden",), "both"),
        (ByHand(), None, None),
    ],
)
def test_a_norm_is_seen_where_doubled_values_leave_the_logit_as_it_is(
    norm: nn.Module, found: tuple[str, ...] | None, how: str | None
) -> None:
    class Normed(Base):
        def __init__(self) -> None:
            super().__init__()
            self.norm = norm

        def perceptron(self, v: torch.Tensor) -> torch.Tensor:
            return self.up(torch.relu(self.norm(self.down(v))))

    torch.manual_seed(2)
    (block,) = audited(Normed()).blocks
    channel = next(gate for gate in block.gates if gate.kind == "channel")
    assert (channel.norms, channel.how.get("norms")) == (found, how)
    assert ("Whether there is a norm" in " ".join(map(str, block.unknown))) == (found is None)


def test_each_answer_says_how_it_was_found() -> None:
    block = only_block("Combined")
    mask, channel = block.gates
    assert (mask.how["pools"], mask.how["kernel"], mask.how["norms"]) == ("both", "both", "read")
    assert (channel.how["bias"], channel.how["ordered"]) == ("both", "probed")
    known = {name: (value, how) for name, value, how in facts_of(mask)}
    assert known["kernel"] == ("5×5", "both")
    assert known["planes"] == ("max, mean", "read")
