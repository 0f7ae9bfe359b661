"""Claim: cells of maps lie within 0.5 px of where they are placed, 1 px in depthwise networks, or within their bound.

Networks with random weights, gates held. Each layer's placement is traced in one forward; where the middle cell of its
map really looks is measured as the mean place of its gradient's magnitude, over random inputs.

    python benchmarks/placement.py [--rounds 50]

A round is one random input. A round of all networks takes some seconds.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torchvision
from apparatus.fields import middle_cells
from apparatus.turns import asked_rounds, tell
from torch import nn

from cbam_core.gates.geometry import locate
from cbam_core.nn import CBAM_CNN, CBAM_ResNet


@dataclass(frozen=True)
class Subject:
    """A network, and the layers that are measured.

    Attributes:
        name: name of the network.
        build: function that builds it.
        layers: paths of modules, in order of execution.
        size: width and height of the input in pixels.
        limit: largest distance in pixels of a centre from where it is placed, beside the placement's own bound.
    """

    name: str
    build: Callable[[], nn.Module]
    layers: tuple[str, ...]
    size: int
    limit: float = 0.5


def of_timm(name: str, **options: object) -> Callable[[], nn.Module]:
    """Build a network of timm, which is imported then."""
    return lambda: importlib.import_module("timm").create_model(name, **options)  # type: ignore[no-any-return]


def unet() -> nn.Module:
    """Build a decoder over a ResNet, of segmentation-models-pytorch."""
    built: nn.Module = importlib.import_module("segmentation_models_pytorch").Unet("resnet18", encoder_weights=None)
    return built


RESNET = ("layer1", "layer2", "layer3")

SUBJECTS = (
    Subject("CBAM_CNN", lambda: CBAM_CNN(image_size=64), ("cbam1", "cbam2", "cbam3"), 64),
    Subject("CBAM_ResNet", CBAM_ResNet, ("stage1.1", "stage2.1"), 128),
    Subject("torchvision resnet18", torchvision.models.resnet18, RESNET, 256),
    Subject("torchvision vgg11_bn", torchvision.models.vgg11_bn, ("features.7", "features.14", "features.21"), 160),
    Subject(
        "torchvision densenet121",
        torchvision.models.densenet121,
        ("features.denseblock1", "features.transition1", "features.denseblock2"),
        288,
    ),
    Subject("torchvision convnext_tiny", torchvision.models.convnext_tiny, ("features.1", "features.3"), 256),
    Subject(
        "timm resnet18 with CBAM",
        of_timm("resnet18", block_args={"attn_layer": "cbam"}),
        RESNET,
        256,
    ),
    Subject("timm resnetblur18", of_timm("resnetblur18"), RESNET, 256),
    Subject(
        "timm tf_efficientnet_b0 (padding SAME)",
        of_timm("tf_efficientnet_b0"),
        ("blocks.1", "blocks.2"),
        128,
        1.0,
    ),
    Subject("torchvision mobilenet_v2", torchvision.models.mobilenet_v2, ("features.3", "features.6"), 128, 1.0),
    Subject(
        "torchvision mobilenet_v3_small", torchvision.models.mobilenet_v3_small, ("features.3", "features.6"), 160, 1.0
    ),
    Subject("timm resnet18d (branches meet)", of_timm("resnet18d"), RESNET, 256),
    Subject(
        "smp Unet of resnet18 (branches meet)",
        unet,
        ("decoder.blocks.2", "decoder.blocks.3", "decoder.blocks.4"),
        512,
    ),
)


def measure(subject: Subject, inputs: int) -> list[dict[str, object]]:
    """Compare the placements of a network's layers with what is measured; distances in pixels."""
    torch.manual_seed(0)
    model = subject.build().eval()
    placed = locate(model, (subject.size, subject.size), subject.layers)
    rows: list[dict[str, object]] = []
    for name, (cell, centre) in middle_cells(model, subject.layers, subject.size, inputs).items():
        grid = placed[name]
        error = max(abs(grid.start[at] + cell[at] * grid.step[at] - centre[at]) for at in (0, 1))
        rows.append(
            {
                "layer": name,
                "status": grid.status,
                "bound": grid.bound,
                "field": None if grid.field is None else grid.field[0],
                "error": round(error, 2),
                "holds": error <= subject.limit + grid.bound,
            }
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    inputs = asked_rounds(__doc__, 50, arguments)
    torch.set_num_threads(1)
    measured = {}
    for subject in SUBJECTS:
        measured[subject.name] = rows = measure(subject, inputs)
        for row in rows:
            print(subject.name, *(f"{key} {value}" for key, value in row.items()), sep="  ", file=sys.stderr)
    rows = [row for found in measured.values() for row in found]
    exact = [row["error"] for row in rows if row["status"] == "exact"]
    held = sum(bool(row["holds"]) for row in rows)
    return tell(
        "placement",
        {"inputs": inputs, "networks": measured},
        f"{held} of {len(rows)} maps lie where they are placed; the exact ones up to {max(exact)} px from there",
        holds=held == len(rows),
    )


if __name__ == "__main__":
    sys.exit(main())
