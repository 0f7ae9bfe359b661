"""The second network: what it is made of, and what it takes."""

import pytest
import torch

from cbam_core.errors import ModelError
from cbam_core.gates import capture, place
from cbam_core.gates.anatomy import summarise
from cbam_core.nn import CBAM, CBAM_ResNet, build
from cbam_core.nn.registry import recognise
from cbam_core.results.placement import Placement

BLOCKS = tuple(f"stage{stage}.{index}.cbam" for stage in (1, 2, 3) for index in (0, 1))


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return CBAM_ResNet().eval()


def test_every_block_has_its_cbam_and_the_whole_stays_small(model: torch.nn.Module) -> None:
    summary = summarise(model, (32, 32))
    assert summary.parameters == 2_322_422
    assert tuple(block.name for block in summary.blocks) == BLOCKS
    assert sum(isinstance(module, CBAM) for module in model.modules()) == 6


def test_masks_have_several_resolutions_and_the_first_is_fine(model: torch.nn.Module) -> None:
    with torch.inference_mode(), capture(model) as record:
        model(torch.zeros(1, 3, 32, 32))
    sides = [gate.values.shape[1:] for gate in record.gates if gate.kind == "spatial"]
    assert sides == [(16, 16), (16, 16), (8, 8), (8, 8), (4, 4), (4, 4)]


def test_cells_lie_in_the_middle_of_what_they_stand_for(model: torch.nn.Module) -> None:
    placements = place(model, (32, 32))
    assert placements["stage1.1.cbam"] == Placement((0.5, 0.5), (2.0, 2.0))
    assert placements["stage2.0.cbam"] == Placement((1.5, 1.5), (4.0, 4.0))
    assert placements["stage3.1.cbam"] == Placement((3.5, 3.5), (8.0, 8.0))


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 96), (224, 224)])
def test_any_size_from_thirty_two_up_is_taken(model: torch.nn.Module, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, *size)).shape == (1, 10)


@pytest.mark.parametrize("shape", [(1, 3, 31, 32), (1, 3, 32, 16), (1, 1, 32, 32)])
def test_what_does_not_fit_is_one_sentence(model: torch.nn.Module, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"sides of 32 pixels or more.*resize the images to 32×32"):
        model(torch.zeros(shape))


def test_no_class_is_refused() -> None:
    with pytest.raises(ModelError, match="at least one class; given 0"):
        CBAM_ResNet(0)


def test_it_is_told_from_its_weights() -> None:
    shapes = {
        name: tuple(tensor.shape) for name, tensor in build("CBAM_ResNet", {"num_classes": 7}).state_dict().items()
    }
    found = recognise(shapes)
    assert found is not None
    assert (found[0].name, found[1]) == ("CBAM_ResNet", {"num_classes": 7})
