"""CBAM after layers of networks of others, and out again."""

import copy
import io
import pickle
import warnings

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock

from cbam_core import capture, explain, insert_cbam, remove_cbam
from cbam_core.errors import ModelError
from cbam_core.network.modules import know
from cbam_core.network.statement import Statement
from cbam_core.nn import CBAM_CNN, inserted_blocks
from cbam_core.nn.insertion import InsertedCBAM


def of_timm(name, **options):
    return pytest.importorskip("timm").create_model(name, **options)


class Residual(nn.Module):
    """A stem and two stages of torchvision's residual blocks, with torchvision's names."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 8, 3, 2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True)
        shrink = nn.Sequential(nn.Conv2d(8, 16, 1, 2, bias=False), nn.BatchNorm2d(16))
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 8))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, 2, shrink), BasicBlock(16, 16))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 5)

    def forward(self, x):
        x = self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x)))))
        return self.fc(self.avgpool(x).flatten(1))


NETWORKS = {
    "stages": (Residual, "layer[1-4]", 2),
    "blocks": (Residual, "layer[1-4].*", 4),
    "before the addition, as in the paper": (Residual, "layer[1-4].*.bn2", 4),
    "a ModuleDict with a forward": (
        lambda: torchvision.models.DenseNet(4, (2, 1), num_init_features=8, bn_size=1, num_classes=5),
        "features.denseblock1",
        1,
    ),
    "a Sequential with more inside": (
        lambda: torchvision.models.MobileNetV2(5, 0.25, [[1, 16, 1, 1], [6, 24, 1, 2]]),
        "features.[12]",
        2,
    ),
    "timm": (
        lambda: of_timm("convnext_atto", depths=(1, 1, 1, 1), dims=(8, 8, 8, 8), num_classes=5),
        ["stem", "stages.[01]"],
        3,
    ),
    "timm, with an attention of its own": (
        lambda: of_timm("resnet10t", block_args={"attn_layer": "se"}, channels=(16, 16, 16, 16), num_classes=5),
        "layer[12].*.bn2",
        2,
    ),
}


def made(name="blocks"):
    torch.manual_seed(0)
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        return NETWORKS[name][0]().eval()


def answer(model, size=32, count=1):
    with torch.inference_mode():
        return model(torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1)))


class Small(nn.Module):
    """Two stages in a list, one activation that runs twice, and a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.stages = nn.ModuleList([nn.Conv2d(8, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)])
        self.act = nn.ReLU(inplace=True)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            x = self.act(stage(x))
        return self.fc(self.pool(x))


@pytest.mark.parametrize("name", NETWORKS)
def test_names_and_output_stay_and_gates_can_be_captured(name):
    model = made(name)
    _, where, count = NETWORKS[name]
    keys, kinds = list(model.state_dict()), {path: type(module) for path, module in model.named_modules()}
    before = answer(model)

    report = insert_cbam(model, where, ratio=4, gradual=True, size=32)

    own = tuple(block.block for block in report.blocks)
    assert len(own) == count
    assert [key for key in model.state_dict() if not key.startswith(own)] == keys
    assert all(key.startswith(own) for key in model.state_dict().keys() - set(keys))
    with capture(model) as record:
        assert torch.equal(answer(model), before)
    gates = [(gate.block, gate.kind) for gate in record.gates if gate.block in own]
    assert sorted(gates) == sorted((block, kind) for block in own for kind in ("channel", "spatial"))

    assert remove_cbam(model) == own
    assert {path: type(module) for path, module in model.named_modules()} == kinds
    assert list(model.state_dict()) == keys
    assert torch.equal(answer(model), before)


def test_a_plain_block_multiplies_by_its_gates():
    model = Small().eval()
    maps = []
    handle = model.stem.register_forward_hook(lambda _m, _i, out: maps.append(out))
    answer(model, 8)
    handle.remove()
    insert_cbam(model, "stem", ratio=4, size=8)
    handle = model.stem.register_forward_hook(lambda _m, _i, out: maps.append(out))
    with capture(model) as record:
        answer(model, 8)
    handle.remove()
    channel, spatial = (gate.values for gate in record.gates)
    torch.testing.assert_close(maps[1], maps[0] * channel[:, :, None, None] * spatial[:, None])


def test_a_part_of_the_block_is_mixed_in_by_its_parameter():
    torch.manual_seed(0)
    block, x = InsertedCBAM(8, 4, gradual=True), torch.randn(2, 8, 5, 5)
    with torch.no_grad():
        block.a.fill_(0.25)
        gated = block.spatial_attn(block.channel_attn(x))
        torch.testing.assert_close(block(x), 0.75 * x + 0.25 * gated)


def test_the_parameter_learns_first_and_the_gates_after_it():
    model = Small()
    insert_cbam(model, "stages.*", ratio=4, gradual=True)
    steps = torch.optim.SGD(model.parameters(), lr=0.1)

    def gradients():
        steps.zero_grad()
        model(torch.randn(4, 3, 8, 8)).square().sum().backward()
        block = model.stages[0].cbam
        return float(block.a.grad.abs()), float(block.channel_attn.fc[0].weight.grad.abs().sum())

    first = gradients()
    assert first[0] > 0
    assert first[1] == 0
    steps.step()
    assert min(gradients()) > 0


def test_the_report_prints_a_table_with_sizes_and_what_to_expect():
    report = insert_cbam(Residual(), "layer[12]", ratio=4)
    assert [(b.layer, b.block, b.channels, b.map_size, b.parameters) for b in report.blocks] == [
        ("layer1", "layer1.cbam", 8, (112, 112), 2 * 8 * 2 + 98),
        ("layer2", "layer2.cbam", 16, (56, 56), 2 * 16 * 4 + 98),
    ]
    assert report.parameters == 130 + 226
    assert str(report).splitlines() == [
        "2 CBAM blocks, 356 parameters, ratio 4, kernel 7",
        "after   block        channels  map      parameters",
        "layer1  layer1.cbam  8         112×112  130",
        "layer2  layer2.cbam  16        56×56    226",
        "A fresh block multiplies its map by about 0.25: train before use, or insert with gradual=True.",
    ]


def test_a_layer_that_runs_twice_is_said_and_gated_twice():
    model = Small().eval()
    report = insert_cbam(model, "act", ratio=4)
    assert report.blocks[0].runs == 2
    assert "runs 2 times" in str(report)
    with capture(model) as record:
        answer(model, 8)
    assert [gate.kind for gate in record.gates] == ["channel", "spatial"] * 2


@pytest.mark.parametrize("where", ["layer1", "layer1.*", "layer1.*.bn2"])
def test_copies_and_pickles_are_whole_and_can_be_cleaned(where):
    model = made()
    insert_cbam(model, where, ratio=4, size=32)
    before = answer(model)
    saved = io.BytesIO()
    torch.save(model, saved)
    saved.seek(0)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(saved, weights_only=False)):
        assert torch.equal(answer(copied), before)
        assert list(copied.state_dict()) == list(model.state_dict())
        remove_cbam(copied)
        assert torch.equal(answer(copied), answer(remove(copy.deepcopy(model))))
    assert torch.equal(answer(model), before)


def remove(model):
    remove_cbam(model)
    return model


def test_a_state_dict_goes_into_a_network_with_the_same_blocks():
    first, second = made(), made()
    insert_cbam(first, "layer[1-4]", ratio=4, size=32)
    insert_cbam(second, "layer[1-4]", ratio=4, size=32)
    assert not torch.equal(answer(first), answer(second))
    second.load_state_dict(first.state_dict(), strict=True)
    assert torch.equal(answer(first), answer(second))


def test_modes_types_and_replicas_reach_the_blocks():
    model = Small().half()
    report = insert_cbam(model.train(), "stem", ratio=4, size=8)
    block = inserted_blocks(model)[report.blocks[0].block]
    assert block.training
    assert {parameter.dtype for parameter in block.parameters()} == {torch.float16}
    assert not model.eval().stem.cbam.training
    replica = model.float()._replicate_for_data_parallel()  # what nn.DataParallel gives each device
    replica.stem = model.stem._replicate_for_data_parallel()
    assert torch.equal(answer(replica, 8), answer(model, 8))


def test_the_network_stays_in_its_mode_and_its_statistics_do_not_move():
    model = Small().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    insert_cbam(model, "stem", ratio=4, size=8)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in before.items())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_of_torchvision_still_knows_its_input_and_classes():
    model = torchvision.models.squeezenet1_1()
    insert_cbam(model, "features.[36]", size=32)
    facts = know(model, Statement()).facts
    assert (facts.input_size, len(facts.classes)) == ((224, 224), 1000)


def test_a_network_of_this_program_gets_blocks_beside_its_own():
    model = CBAM_CNN()
    insert_cbam(model, "pool1")
    insert_cbam(model, "cbam1")
    assert [*inserted_blocks(model)] == ["pool1.cbam", "cbam1.cbam"]
    facts = know(model, Statement()).facts
    assert (facts.input_size, len(facts.classes), facts.architecture) == ((32, 32), 10, "")


def test_a_name_that_the_layer_uses_itself_is_left_to_it():
    model = Residual()
    model.layer1[0].cbam = nn.Identity()
    assert insert_cbam(model, "layer1.*", ratio=4, size=32).blocks[0].block == "layer1.0.inserted_cbam"
    remove_cbam(model)
    assert isinstance(model.layer1[0].cbam, nn.Identity)


def test_masks_of_inserted_blocks_lie_where_their_cells_look():
    model = Residual().eval()
    insert_cbam(model, "layer[12].1.bn2", ratio=4, size=32)
    first, second = explain(model, torch.zeros(3, 32, 32)).blocks
    assert (first.placement.status, first.placement.step, first.placement.start) == ("exact", (2, 2), (0, 0))
    assert (second.placement.status, second.placement.step) == ("exact", (4, 4))


class Last(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(3, 8))

    def forward(self, x):
        return self[0](x.movedim(1, 3))


class Loops(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        for child in self.children():
            x = child(x)
        return x


class TwoSizes(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.act = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 16, 1), nn.ReLU()

    def forward(self, x):
        return self.act(self.two(self.act(self.one(x))))


class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.fc = nn.Linear(8 * 20 * 20, 2)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


REFUSED = {
    "an unknown layer": (Small, "stam", {}, "no layer matches 'stam'; similar names are stem"),
    "a vector": (Small, "fc", {}, "the output of layer fc is no feature map of shape (B, C, H, W), but (1, 5)"),
    "channels last": (Last, "0", {}, "(1, 224, 224, 8), channels last"),
    "a layer that does not run": (Small, "stages", {}, "layer stages does not run in a forward"),
    "few channels": (Small, "stages.0", {"ratio": 32}, "layer stages.0 has 16 channels, fewer than the ratio 32"),
    "an even kernel": (Small, "stages.0", {"kernel_size": 4}, "odd kernel size such as 3, 5 or 7; given 4"),
    "different channels": (TwoSizes, "act", {"ratio": 2}, "layer act runs several times, with 8 and 16 channels"),
    "children in a loop": (lambda: nn.Sequential(Loops(), nn.ReLU()), "0", {"ratio": 2}, "layer 0 runs whatever"),
    "no usual size": (Fails, "conv", {"ratio": 2}, "the network does not run with images of 224, 32, 299"),
    "another size": (Fails, "conv", {"ratio": 2, "size": 24}, "the network does not run with this input"),
    "a scripted layer": (lambda: nn.Sequential(torch.jit.script(nn.ReLU())), "0", {}, "compiled, scripted or exported"),
    "a scripted network": (
        lambda: torch.jit.script(nn.Sequential(nn.ReLU())),
        "0",
        {},
        "the network is scripted: insert",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_what_cannot_be_is_one_sentence_and_changes_nothing(name):
    make, where, options, said = REFUSED[name]
    model = make()
    keys, kinds = list(model.state_dict()), [type(module) for module in model.modules()]
    with pytest.raises(ModelError) as error:
        insert_cbam(model, where, **options)
    assert said in str(error.value)
    assert list(model.state_dict()) == keys
    assert [type(module) for module in model.modules()] == kinds


def test_a_size_or_a_sample_serves_a_network_with_an_input_of_its_own():
    for options in ({"size": 20}, {"size": (20, 20)}, {"sample": torch.zeros(1, 3, 20, 20)}):
        assert insert_cbam(Fails(), "conv", ratio=2, **options).blocks[0].map_size == (20, 20)
    assert insert_cbam(Fails(), "conv", ratio=2, sample=(torch.zeros(2, 3, 20, 20),)).blocks[0].channels == 8


@pytest.mark.parametrize("where", ["stem", "stages.0"])
def test_inserting_twice_and_removing_nothing_is_refused(where):
    model = Small()
    with pytest.raises(ModelError, match="there is no CBAM to remove"):
        remove_cbam(model)
    insert_cbam(model, where, ratio=4, size=32)
    with pytest.raises(ModelError, match=f"layer {where} has an inserted CBAM already"):
        insert_cbam(model, where, ratio=4, size=32)
    insert_cbam(model, "act", ratio=4)
    assert len(remove_cbam(model)) == 2


def test_a_container_shows_its_own_code_its_own_children_alone():
    class Summed(nn.ModuleList):
        def forward(self, x):
            return sum(layer(x) for layer in self) / len(self)

    model = nn.Sequential(Summed([nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1)]), nn.ReLU())
    before = answer(model, 8)
    insert_cbam(model, "0", ratio=2, gradual=True)
    assert torch.equal(answer(model, 8), before)
    assert len(model[0]) == 2
    assert "0.cbam.a" in model.state_dict()
