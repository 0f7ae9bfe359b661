import pytest
import torch

from cbam_core.errors import CheckpointError
from cbam_core.network.pretrained import load_pretrained
from cbam_core.nn import build

NAME = "torchvision:squeezenet1_1"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of weights of the plain network with four classes."""
    torch.manual_seed(1)
    model = build(NAME, {"num_classes": 4})
    path = tmp_path_factory.mktemp("weights") / "squeezenet.pth"
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in model.state_dict().items()}}, path)
    return path, model.state_dict()


def made(**arguments):
    torch.manual_seed(2)
    return build(NAME, {"num_classes": 3, **arguments})


def test_all_but_what_is_new_is_loaded_under_any_prefix(weights):
    path, state = weights
    model = made(insert="features.3")
    random = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert load_pretrained(model, path) == (
        "features.3.cbam.channel_attn.fc.0",
        "features.3.cbam.channel_attn.fc.2",
        "features.3.cbam.spatial_attn.conv",
        "classifier.1",
    )
    for name, tensor in model.state_dict().items():
        new = "cbam" in name or name.startswith("classifier")
        assert torch.equal(tensor, random[name] if new else state[name]), name


def test_the_head_is_loaded_where_it_fits(weights):
    path, state = weights
    model = made(num_classes=4)
    assert load_pretrained(model, path) == ()
    assert torch.equal(model.state_dict()["classifier.1.weight"], state["classifier.1.weight"])


def test_inserted_blocks_are_loaded_where_the_file_has_them(tmp_path):
    first, second = made(insert="features.3"), made(insert="features.3", num_classes=2)
    with torch.no_grad():
        first.features[3].cbam.spatial_attn.conv.weight.fill_(0.5)
    torch.save(first.state_dict(), tmp_path / "own.pth")
    assert load_pretrained(second, tmp_path / "own.pth") == ("classifier.1",)
    assert (second.features[3].cbam.spatial_attn.conv.weight == 0.5).all()


def test_weights_of_another_network_are_refused_and_change_nothing(weights, tmp_path):
    _, state = weights
    lacking = {name: tensor for name, tensor in state.items() if not name.startswith("features.6.")}
    torch.save(lacking, tmp_path / "lacking.pth")
    torch.save({**state, "features.0.weight": torch.zeros(8, 3, 3, 3)}, tmp_path / "narrow.pth")
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "other.pth")
    model = made()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for name, said in (
        ("lacking", "lacking.pth does not fit SqueezeNet: it lacks features.6.squeeze.weight"),
        ("narrow", "narrow.pth does not fit SqueezeNet: it lacks features.0.weight, or has them in another shape"),
        ("other", "other.pth does not fit SqueezeNet"),
    ):
        with pytest.raises(CheckpointError, match=said):
            load_pretrained(model, tmp_path / f"{name}.pth")
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
