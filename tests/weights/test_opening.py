"""Which network a file without a description holds."""

import pytest
import torch
import torchvision
from torch import Tensor

from cbam_core.errors import CheckpointError
from cbam_core.network import load_classifier
from tests.corpus.checkpoints import light_state, saved


def _of_a_resnet() -> dict[str, Tensor]:
    """State dict of a small ResNet-50, each of whose bottlenecks has layers named as those of CBAM_CNN."""
    resnet = torchvision.models.resnet
    return resnet.ResNet(resnet.Bottleneck, [2, 1, 1, 1], num_classes=2, width_per_group=4).state_dict()


def _refused(state: dict[str, Tensor]) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load_classifier(saved(state))
    return caught.value


def test_a_resnet_is_none_of_the_known_networks_though_its_bottlenecks_have_names_of_one() -> None:
    error = _refused(_of_a_resnet())
    assert error.code == "checkpoint.unknown-network"
    assert "the file's tensors (conv1.weight, bn1.weight, bn1.bias, ...) do not match any network" in str(error)
    assert "--model package.module:factory" in str(error)


def test_a_known_network_that_lacks_a_tensor_is_still_named() -> None:
    state = {name: tensor for name, tensor in light_state().items() if name != "fc1.bias"}
    beside = {f"optimizer.{number}.exp_avg": tensor for number, tensor in enumerate(light_state().values())}
    error = _refused({**state, **beside})
    assert error.code == "checkpoint.other-names"
    assert "it lacks fc1.bias" in str(error)


def test_a_known_network_is_found_inside_a_larger_file() -> None:
    state = {f"student.{name}": tensor for name, tensor in light_state().items()}
    found = load_classifier(saved({**state, **{f"teacher.{name}": one for name, one in _of_a_resnet().items()}}))
    assert found.architecture == "CBAM_CNN"


@pytest.mark.parametrize("prefix", ["", "state_dict.model."])
def test_attention_of_another_kind_in_the_place_of_cbam_is_not_left_out(prefix: str) -> None:
    plain = {f"{prefix}{name}": tensor for name, tensor in light_state().items() if "cbam" not in name}
    assert load_classifier(saved({**plain, f"{prefix}criterion.weight": torch.ones(10)})).name
    error = _refused({**plain, f"{prefix}se1.fc.0.weight": torch.ones(2, 32), "z.weight": torch.ones(2)})
    assert error.code == "checkpoint.unknown-network"
    assert f"({prefix}se1.fc.0.weight" in str(error)


def test_cbam_under_another_name_is_not_left_out() -> None:
    error = _refused({name.replace("cbam", "attention"): tensor for name, tensor in light_state().items()})
    assert "(attention1.channel_attn.fc.0.weight, " in str(error)
