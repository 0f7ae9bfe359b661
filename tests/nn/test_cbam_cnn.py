import io

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cbam_core.errors import ModelError
from cbam_core.nn import CBAM_CNN
from cbam_core.nn.registry import expected_tensors, recognise
from tests.corpus.checkpoints import network

SHAPES = {
    "conv1.weight": (32, 3, 3, 3),
    "conv1.bias": (32,),
    "bn1.weight": (32,),
    "bn1.bias": (32,),
    "bn1.running_mean": (32,),
    "bn1.running_var": (32,),
    "bn1.num_batches_tracked": (),
    "cbam1.channel_attn.fc.0.weight": (2, 32),
    "cbam1.channel_attn.fc.2.weight": (32, 2),
    "cbam1.spatial_attn.conv.weight": (1, 2, 7, 7),
    "conv2.weight": (64, 32, 3, 3),
    "conv2.bias": (64,),
    "bn2.weight": (64,),
    "bn2.bias": (64,),
    "bn2.running_mean": (64,),
    "bn2.running_var": (64,),
    "bn2.num_batches_tracked": (),
    "cbam2.channel_attn.fc.0.weight": (4, 64),
    "cbam2.channel_attn.fc.2.weight": (64, 4),
    "cbam2.spatial_attn.conv.weight": (1, 2, 7, 7),
    "conv3.weight": (128, 64, 3, 3),
    "conv3.bias": (128,),
    "bn3.weight": (128,),
    "bn3.bias": (128,),
    "bn3.running_mean": (128,),
    "bn3.running_var": (128,),
    "bn3.num_batches_tracked": (),
    "cbam3.channel_attn.fc.0.weight": (8, 128),
    "cbam3.channel_attn.fc.2.weight": (128, 8),
    "cbam3.spatial_attn.conv.weight": (1, 2, 7, 7),
    "fc1.weight": (512, 2048),
    "fc1.bias": (512,),
    "fc2.weight": (10, 512),
    "fc2.bias": (10,),
}


class CourseChannelGate(nn.Module):
    """Channel attention written the way the course writes it: shapes unpacked, `view` back."""

    def __init__(self, in_channels: int, ratio: int = 16) -> None:
        super().__init__()
        self.avg_pool, self.max_pool = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)
        hidden = in_channels // ratio
        self.fc = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, in_channels, bias=False),
        )
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.shape
        mean_path = self.fc(self.avg_pool(x).view(b, c))
        max_path = self.fc(self.max_pool(x).view(b, c))
        return x * self.sigmoid(mean_path + max_path).view(b, c, 1, 1)


class CourseSpatialGate(nn.Module):
    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        mean = torch.mean(x, dim=1, keepdim=True)
        largest = torch.max(x, dim=1, keepdim=True)[0]
        return x * self.sigmoid(self.conv(torch.cat((mean, largest), dim=1)))


class CourseBlock(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.channel_attn = CourseChannelGate(in_channels)
        self.spatial_attn = CourseSpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial_attn(self.channel_attn(x))


class CourseNetwork(nn.Module):
    """The course's network, built in a loop; only names and maths must agree."""

    def __init__(self) -> None:
        super().__init__()
        for stage, (inside, outside) in enumerate([(3, 32), (32, 64), (64, 128)], start=1):
            self.add_module(f"conv{stage}", nn.Conv2d(inside, outside, 3, padding=1))
            self.add_module(f"bn{stage}", nn.BatchNorm2d(outside))
            self.add_module(f"cbam{stage}", CourseBlock(outside))
        self.fc1, self.dropout, self.fc2 = nn.Linear(2048, 512), nn.Dropout(0.5), nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        for stage in "123":
            layers = dict(self.named_children())
            x = functional.relu(layers[f"bn{stage}"](layers[f"conv{stage}"](x)))
            x = layers[f"cbam{stage}"](functional.max_pool2d(x, 2))
        x = x.view(-1, 128 * 4 * 4)
        return self.fc2(self.dropout(functional.relu(self.fc1(x))))


def test_parameters_are_counted_as_the_course_counts_them() -> None:
    assert sum(parameter.numel() for parameter in CBAM_CNN().parameters()) == 1_150_896
    assert all(parameter.requires_grad for parameter in CBAM_CNN().parameters())


def test_state_dict_has_the_course_names_and_shapes_in_order() -> None:
    shapes = {name: tuple(value.shape) for name, value in CBAM_CNN().state_dict().items()}
    assert list(shapes.items()) == list(SHAPES.items())


def test_course_code_loads_our_weights_and_agrees() -> None:
    ours, theirs = network(), CourseNetwork()
    buffer = io.BytesIO()
    torch.save(ours.state_dict(), buffer)
    buffer.seek(0)
    theirs.load_state_dict(torch.load(buffer, weights_only=True), strict=True)
    x = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(theirs.eval()(x), ours(x), rtol=1e-5, atol=1e-6)


def test_our_code_loads_course_weights_and_agrees() -> None:
    torch.manual_seed(5)
    theirs, ours = CourseNetwork().eval(), CBAM_CNN().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-6)


def test_logits_have_one_column_a_class() -> None:
    assert CBAM_CNN(7)(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("size", [(32, 32), (39, 39), (32, 39)])
def test_sizes_that_leave_four_by_four_are_taken(size: tuple[int, int]) -> None:
    assert network()(torch.zeros(1, 3, *size)).shape == (1, 10)


@pytest.mark.parametrize("shape", [(1, 3, 31, 32), (1, 3, 32, 40), (1, 3, 224, 224), (1, 1, 32, 32), (1, 4, 32, 32)])
def test_other_inputs_are_refused_with_the_size_that_fits(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="resize the images to 32×32") as caught:
        network()(torch.zeros(shape))
    assert caught.value.code == "model.input-size"
    assert str(shape[2]) in str(caught.value)


@pytest.mark.parametrize("classes", [0, -1])
def test_fewer_than_one_class_is_refused(classes: int) -> None:
    with pytest.raises(ModelError, match="at least one class"):
        CBAM_CNN(classes)


@pytest.mark.parametrize(
    "others", [{}, {"kernel_size": 3, "hidden": 100, "image_size": 64, "in_channels": 1}, {"gates": "channel"}]
)
def test_every_size_is_read_off_the_shapes(others: dict[str, int | str]) -> None:
    for ratio in range(1, 33):
        expected = expected_tensors("CBAM_CNN", {"ratio": ratio, **others})
        found = recognise({name: spec.shape for name, spec in expected.items()})
        assert found is not None
        assert found[0].name == "CBAM_CNN"
        assert expected_tensors("CBAM_CNN", found[1]) == expected  # some ratios give the same layers
