"""A small residual network with the names of torchvision's ResNets, for trainings that a processor can do."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

WIDTHS = (16, 32, 64, 128)


class NarrowResNet(nn.Module):
    """A ResNet of four blocks for 32x32 pixels: maps of 32, 16, 8 and 4 cells along a side.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(WIDTHS[0]), nn.ReLU(inplace=True)
        self.layer1, self.layer2, self.layer3, self.layer4 = map(_stage, (WIDTHS[0], *WIDTHS), WIDTHS)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(WIDTHS[-1], num_classes)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k"]:
        """Return the logits of a batch."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    if inputs == outputs:
        return nn.Sequential(BasicBlock(inputs, outputs))
    shrink = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))
    return nn.Sequential(BasicBlock(inputs, outputs, 2, shrink))
