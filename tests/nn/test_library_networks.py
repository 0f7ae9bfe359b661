"""Networks of libraries by name, as files may name them: nothing but names, numbers and choices."""

import pytest
import torch

from cbam_core import Classifier, capture, load_classifier
from cbam_core.errors import CheckpointError, ModelError
from cbam_core.network import save_classifier
from cbam_core.nn import build
from cbam_core.nn.head import head_of, new_layers
from cbam_core.nn.library_networks import SmallStem
from cbam_core.nn.registry import (
    CLASS_COUNTS,
    FAMILIES,
    Architecture,
    assemble,
    complete_arguments,
    expected_tensors,
)

TINY = {"num_classes": 3, "insert": "features.[34] features.6", "ratio": 8, "gradual": "yes"}
NAME = "torchvision:squeezenet1_1"


def classifier(name=NAME, arguments=TINY):
    torch.manual_seed(0)
    return Classifier(
        model=build(name, arguments).eval(),
        classes=("a", "b", "c"),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        input_size=(64, 64),
        architecture=name,
        arguments=complete_arguments(name, arguments),
    )


@pytest.fixture(scope="module")
def made():
    return classifier()


def test_a_network_with_inserted_blocks_opens_by_its_file_alone(made, tmp_path):
    save_classifier(made, tmp_path / "net.safetensors")
    loaded = load_classifier(tmp_path / "net.safetensors")
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode(), capture(loaded.model) as record:
        assert torch.equal(loaded.model(images), made.model(images))
    assert {gate.block for gate in record.gates} == {"features.3.cbam", "features.4.cbam", "features.6.cbam"}
    assert (loaded.architecture, loaded.arguments, loaded.classes) == (NAME, TINY, ("a", "b", "c"))


class Shifting(torch.nn.Module):
    """Adds a number that its state dict does not hold."""

    def __init__(self, num_classes):
        super().__init__()
        self.fc = torch.nn.Linear(2, num_classes)
        self.register_buffer("shift", torch.full((num_classes,), 3.0), persistent=False)

    def forward(self, x):
        return self.fc(x) + self.shift


def test_buffers_that_no_file_has_are_computed_again(monkeypatch):
    of = Architecture("made:shifting", Shifting, {"num_classes": CLASS_COUNTS}, (32, 32), range(32, 33), lambda _: {})
    monkeypatch.setitem(FAMILIES, "made", lambda _: of)
    state = Shifting(4).state_dict()
    model = assemble("made:shifting", {"num_classes": 4}, state)
    assert model.shift.tolist() == [3, 3, 3, 3]
    assert torch.equal(model.fc.weight, state["fc.weight"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torchvision:fasterrcnn_resnet50_fpn", "torchvision has no network for classification named"),
        ("torchvision:os.system", "torchvision has no network"),
        ("other:resnet18", "there is no network named 'other:resnet18'"),
    ],
)
def test_only_names_that_the_library_lists_are_built(name, said):
    with pytest.raises(ModelError, match=said):
        build(name)


@pytest.mark.parametrize("name", ["timm:hf-hub:someone/net", "timm:hf_hub:someone/net", "timm:local-dir:/tmp"])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_name_that_would_reach_the_network_or_the_disk_is_refused(name):
    pytest.importorskip("timm")
    with pytest.raises(ModelError, match="timm has no network"):
        build(name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"pretrained": "yes"}, "has no argument 'pretrained'"),
        ({"insert": "a; b"}, "names or patterns of layers"),
        ({"insert": " ".join(["a"] * 21)}, "names or patterns of layers"),
        ({"stem": "tiny"}, "usual, small"),
        ({"gradual": True}, "no, yes"),
        ({"num_classes": 0}, "from 1 to 10000"),
        ({"insert": "head"}, "no layer matches 'head'"),
        ({"stem": "small"}, "no stem like a ResNet's"),
    ],
)
def test_arguments_are_numbers_choices_and_patterns_alone(arguments, said):
    with pytest.raises(ModelError, match=said.replace("(", r"\(")):
        expected_tensors(NAME, arguments)


def test_a_file_of_a_network_that_there_is_not_is_refused_in_one_sentence(made, tmp_path):
    path = tmp_path / "net.safetensors"
    save_classifier(made, path)
    path.write_bytes(path.read_bytes().replace(b"squeezenet1_1", b"squeezenet9_9"))
    with pytest.raises(CheckpointError, match="torchvision has no network for classification named 'squeezenet9_9'"):
        load_classifier(path)


def test_shapes_are_known_without_memory():
    tensors = expected_tensors("torchvision:resnet18", {"stem": "small", "insert": "layer[1-4]"})
    assert tensors["conv1.weight"].shape == (64, 3, 3, 3)
    assert tensors["layer4.cbam.channel_attn.fc.0.weight"].shape == (32, 512)


def test_what_is_new_in_a_network_is_known():
    with torch.device("meta"):
        model = build("torchvision:resnet18", {"stem": "small", "insert": "layer[34]"})
    assert isinstance(model.conv1, SmallStem)
    assert new_layers(model) == ["fc", "layer3.cbam", "layer4.cbam", "conv1"]
    assert head_of(build(NAME, TINY)) == "classifier.1"
