import pytest
import torch
from torch import nn

from cbam_core.errors import ModelError
from cbam_core.gates.anatomy import Summary, summarise
from cbam_core.nn import CBAM
from tests.corpus.checkpoints import network
from tests.gates.audit.spellings import PLAIN, Network
from tests.interpreter import Interpreter


@pytest.fixture(scope="module")
def summary() -> Summary:
    return summarise(network(), (32, 32))


def test_totals_of_the_reference_network(summary: Summary) -> None:
    convolutions = 32 * 32 * 32 * 27 + 16 * 16 * 64 * 288 + 8 * 8 * 128 * 576
    linear = 2048 * 512 + 512 * 10
    gates = 0
    for channels, side in [(32, 16), (64, 8), (128, 4)]:
        perceptron = 2 * channels * (channels // 16)  # two layers, run for the mean and for the maximum
        gates += 2 * perceptron + side * side * 98 + 2 * channels * side * side
    assert summary.parameters == summary.trainable == 1_150_896
    assert summary.multiply_adds == convolutions + linear + gates
    assert summary.cbam_multiply_adds == gates


def test_cbam_share(summary: Summary) -> None:
    per_block = [2 * c * (c // 16) + 98 for c in (32, 64, 128)]
    assert [block.parameters for block in summary.blocks] == per_block
    assert [block.name for block in summary.blocks] == ["cbam1", "cbam2", "cbam3"]
    assert summary.blocks[0].channel_parameters == 128
    assert summary.blocks[0].spatial_parameters == 98
    assert summary.cbam_parameter_share == pytest.approx(sum(per_block) / 1_150_896)
    assert 0 < summary.cbam_multiply_add_share < 0.01


def test_rows_add_up_to_the_totals(summary: Summary) -> None:
    assert sum(layer.parameters for layer in summary.layers) == summary.parameters
    assert sum(layer.multiply_adds for layer in summary.layers) == summary.multiply_adds


def test_rows_come_in_order_with_shapes_of_one_image(summary: Summary) -> None:
    shapes = {layer.name: layer.output_shape for layer in summary.layers}
    assert list(shapes)[:4] == ["conv1", "bn1", "relu1", "pool1"]
    assert shapes["conv1"] == (32, 32, 32)
    assert shapes["cbam3.spatial_attn.conv"] == (1, 4, 4)
    assert shapes["cbam1.channel_attn"] == (32, 16, 16)
    assert shapes["fc2"] == (10,)


def test_width_and_height_are_not_mixed_up() -> None:
    shapes = {layer.name: layer.output_shape for layer in summarise(network(), (39, 32)).layers}
    assert shapes["conv1"] == (32, 32, 39)


def test_frozen_parameters_are_not_trainable() -> None:
    model = network()
    model.fc1.requires_grad_(False)
    summary = summarise(model, (32, 32))
    assert summary.parameters - summary.trainable == 2048 * 512 + 512


def test_the_model_is_not_touched() -> None:
    model = network()
    model.train()
    model.fc1.eval()
    before = {name: (value, value.clone()) for name, value in model.state_dict(keep_vars=True).items()}
    flags = [module.training for module in model.modules()]
    calls = []
    model.cbam1.register_forward_hook(lambda *arguments: calls.append(1))
    summarise(model, (32, 32))
    assert not calls
    assert len(model.cbam1._forward_hooks) == 1
    assert not any(module._forward_hooks for module in model.modules() if module is not model.cbam1)
    assert flags == [module.training for module in model.modules()]
    for name, value in model.state_dict(keep_vars=True).items():
        assert value is before[name][0]
        assert torch.equal(value, before[name][1])


def test_groups_divide_the_multiply_adds_of_a_convolution() -> None:
    model = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3, bias=False), CBAM(6, ratio=2, kernel_size=3))
    summary = summarise(model, (5, 5))
    assert summary.layers[0].multiply_adds == 6 * 3 * 3 * 9
    assert summary.blocks[0].name == "1"


def test_network_that_is_one_block() -> None:
    summary = summarise(CBAM(3, ratio=1), (8, 8))
    assert summary.blocks[0].name == ""
    assert summary.cbam_parameter_share == summary.cbam_multiply_add_share == 1


def test_a_quick_network_gives_with_numbers_what_it_gives_without(monkeypatch: pytest.MonkeyPatch) -> None:
    with_numbers = summarise(network(), (39, 32))
    monkeypatch.setattr("cbam_core.gates.anatomy.MOST_OF_A_QUICK_ONE", 0)
    assert summarise(network(), (39, 32)) == with_numbers


def test_a_shipped_network_is_summarised_without_torchs_compiler(interpreter: Interpreter) -> None:
    said = interpreter.succeeds("""
import sys
from cbam_core import load_classifier
from cbam_core.gates.anatomy import summarise

for name in ("cbam_cnn_cifar10", "cbam_resnet_cifar10"):
    summary = summarise(load_classifier(name).model, (32, 32))
    print(summary.parameters > 1_000_000, "torch._dynamo" in sys.modules)
""")
    assert said.split() == ["True", "False"] * 2


def test_wrong_size_is_the_networks_own_error() -> None:
    with pytest.raises(ModelError, match="resize the images"):
        summarise(network(), (224, 224))


def test_blocks_of_other_code_are_counted_by_what_they_do() -> None:
    torch.manual_seed(0)
    modules, functions = (summarise(Network(PLAIN[name]()).eval(), (12, 12)) for name in ("Modules", "OneFunction"))
    ours = summarise(nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), CBAM(32)).eval(), (12, 12))
    for other in (modules, functions):
        (block,) = other.blocks
        assert block.name == "block"
        assert (block.parameters, block.multiply_adds) == (ours.blocks[0].parameters, ours.blocks[0].multiply_adds)
        assert (block.channel_parameters, block.spatial_parameters) == (128, 98)
        assert sum(layer.multiply_adds for layer in other.layers) == other.multiply_adds
    assert functions.multiply_adds == modules.multiply_adds == ours.multiply_adds + 32 * 4


def test_calls_of_functions_are_counted_where_they_are_made() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.weight = nn.Parameter(torch.ones(2, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = nn.functional.conv2d(x, self.conv.weight)
            return maps.mean((2, 3)) @ self.weight.t()

    summary = summarise(Functional().eval(), (6, 6))
    assert [(layer.name, layer.multiply_adds) for layer in summary.layers] == [("", 4 * 16 * 27 + 8)]
