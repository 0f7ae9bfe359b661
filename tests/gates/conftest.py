"""What the tests of the gates look at on a model, and a network that can be held up in mid-forward."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cbam_core.nn import CBAM, CBAM_CNN
from tests.gates.watched import Unlucky


def _hooks(model: nn.Module) -> dict[str, list[Any]]:
    """Every hook of every module, of every sort that torch has, by ``"path:sort"``."""
    return {
        f"{path}:{key}": [*value.items()]
        for path, module in model.named_modules()
        for key, value in vars(module).items()
        if "hook" in key and isinstance(value, dict)
    }


def _state(model: nn.Module) -> dict[str, Any]:
    """Flags, and the bytes and places of parameters and buffers."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        "training": {path: module.training for path, module in model.named_modules()},
        "attributes": {path: sorted(vars(module)) for path, module in model.named_modules()},
        "bytes": {name: tensor.detach().numpy().tobytes() for name, tensor in tensors.items()},
        "places": {name: (id(tensor), tensor.data_ptr()) for name, tensor in tensors.items()},
        "requires_grad": {name: tensor.requires_grad for name, tensor in tensors.items()},
        "gradients": {name: tensor.grad is None for name, tensor in tensors.items()},
    }


@pytest.fixture(autouse=True)
def _on_one_thread(one_thread: None) -> None:
    """Each test of this folder computes on one thread."""


@pytest.fixture
def hooks() -> Callable[[nn.Module], dict[str, list[Any]]]:
    """All hooks on a model, as a value to compare."""
    return _hooks


@pytest.fixture
def state() -> Callable[[nn.Module], dict[str, Any]]:
    """Everything of a model that capturing must not touch, as a value to compare."""
    return _state


@pytest.fixture
def model() -> CBAM_CNN:
    """A `CBAM_CNN` with seeded random weights and normalisation, in eval mode."""
    torch.manual_seed(0)
    network = CBAM_CNN()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


@pytest.fixture
def batch() -> Tensor:
    """Seven images of noise for `model`."""
    return torch.randn(7, 3, 32, 32, generator=torch.Generator().manual_seed(1))


class Gateway(nn.Module):
    """Passes its input on; holds up the one thread that asked to be held, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.held: int | None = None
        self.reached = threading.Event()
        self.open = threading.Event()

    def forward(self, x: Tensor) -> Tensor:
        if threading.get_ident() == self.held:
            self.reached.set()
            assert self.open.wait(60)
        return x


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def holdable(gateway: Gateway) -> nn.Module:
    """A network of two blocks with `gateway` between them, in eval mode."""
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3),
        nn.BatchNorm2d(16),
        CBAM(16, ratio=4),
        gateway,
        CBAM(16, ratio=4),
        nn.Dropout(0.5),
    ).eval()


@pytest.fixture
def unlucky() -> nn.Sequential:
    return nn.Sequential(CBAM(16), Unlucky(), CBAM(16)).eval()
