"""Networks of torchvision, timm, pytorchcv and segmentation-models-pytorch: how many gates of which kind each has."""

from __future__ import annotations

import importlib
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from cbam_core import capture

DRAWN = ("trunc_normal_", "normal_", "kaiming_normal_", "kaiming_uniform_", "xavier_normal_", "xavier_uniform_")


def _not_drawn(tensor: Tensor, *_: object, **__: object) -> Tensor:
    return tensor if tensor.ndim > 1 and isinstance(tensor, nn.Parameter) else tensor.uniform_(-0.1, 0.1)


@contextmanager
def _quick_initialisation() -> Iterator[None]:
    """Draw no weights that `_made` draws: that takes longer than the test."""
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        for name in DRAWN:
            patch.setattr(nn.init, name, _not_drawn)
        yield


def _made(library: str, make: Callable[..., nn.Module]) -> nn.Module:
    pytest.importorskip(library, reason=f"{library} is not installed; it is among the development requirements")
    with warnings.catch_warnings(), _quick_initialisation():
        warnings.simplefilter("ignore")  # of the libraries themselves
        model = make(importlib.import_module(library))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                bound = math.sqrt(3 / parameter[0].numel())
                parameter.uniform_(-bound, bound, generator=generator)
    return model.eval()


@pytest.fixture(autouse=True, scope="module")
def _libraries() -> None:
    """Their warnings at import are theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in ("timm", "pytorchcv.model_provider", "segmentation_models_pytorch"):
            if importlib.util.find_spec(library.partition(".")[0]):
                importlib.import_module(library)


def torchvision(name: str, **others: object) -> tuple[str, Callable[..., nn.Module]]:
    return "torchvision.models", lambda library: getattr(library, name)(weights=None, **others)


def timm(name: str, **others: object) -> tuple[str, Callable[..., nn.Module]]:
    return "timm", lambda library: library.create_model(name, pretrained=False, **others)


def pytorchcv(name: str) -> tuple[str, Callable[..., nn.Module]]:
    return "pytorchcv.model_provider", lambda library: library.get_model(name, pretrained=False)


def smp(**others: object) -> tuple[str, Callable[..., nn.Module]]:
    return "segmentation_models_pytorch", lambda library: library.Unet("resnet18", encoder_weights=None, **others)


SMALL_VIT = {"image_size": 32, "patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 32, "mlp_dim": 64}

COUNTS = {
    "torchvision efficientnet_b0": (torchvision("efficientnet_b0"), 64, {"channel": 16}),
    "torchvision mobilenet_v3_small": (torchvision("mobilenet_v3_small"), 64, {"channel": 9}),
    "torchvision regnet_y_400mf": (torchvision("regnet_y_400mf"), 64, {"channel": 16}),
    "torchvision resnet18": (torchvision("resnet18"), 64, {}),
    "torchvision densenet121": (torchvision("densenet121"), 64, {}),
    "torchvision convnext_tiny": (torchvision("convnext_tiny"), 64, {}),
    "torchvision swin_t": (torchvision("swin_t"), 64, {}),
    "torchvision vision transformer": (
        ("torchvision.models", lambda library: library.VisionTransformer(**SMALL_VIT)),
        32,
        {},
    ),
    "timm resnet18 with cbam": (timm("resnet18", block_args={"attn_layer": "cbam"}), 64, {"channel": 8, "spatial": 8}),
    "timm resnet18 with lcbam": (
        timm("resnet18", block_args={"attn_layer": "lcbam"}),
        64,
        {"channel": 8, "spatial": 8},
    ),
    "timm ghostnetv2_100": (timm("ghostnetv2_100"), 224, {"channel": 7, "full": 14}),
    "timm mobilevitv2_050": (timm("mobilevitv2_050"), 64, {}),
    "timm resnest14d": (timm("resnest14d"), 64, {}),
    "timm skresnet18": (timm("skresnet18"), 64, {}),
    "pytorchcv cbam_resnet18": (pytorchcv("cbam_resnet18"), 224, {"channel": 8, "spatial": 8}),
    "pytorchcv bam_resnet18": (pytorchcv("bam_resnet18"), 224, {"full": 3}),
    "pytorchcv seresnet18": (pytorchcv("seresnet18"), 224, {"channel": 8}),
    "smp Unet with scse": (smp(decoder_attention_type="scse"), 64, {"channel": 9, "spatial": 9}),
}


def _batch(size: int) -> Tensor:
    return torch.randn(2 if size < 200 else 1, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", COUNTS)
def test_a_network_of_a_library_has_as_many_gates_of_each_kind_as_its_code_has(name):
    (library, make), size, kinds = COUNTS[name]
    model, batch = _made(library, make), _batch(size)
    with torch.inference_mode():
        plain = model(batch)
        with capture(model) as record:
            output = model(batch)
    assert torch.equal(output, plain)
    assert plain.std() > 0
    assert Counter(gate.kind for gate in record.gates) == kinds
    assert all(gate.values.min() >= 0 and gate.values.max() <= 1 for gate in record.gates)
    assert bool(record.why_none) is not bool(kinds)


def _outputs(model: nn.Module, chosen: Callable[[nn.Module], list[nn.Module]]) -> list[Tensor]:
    """What some modules returned in the forward of `_batch(64)`, in order."""
    seen: list[Tensor] = []
    modules = [child for module in model.modules() for child in chosen(module)]
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output: seen.append(output.clone())) for module in modules
    ]
    with torch.inference_mode():
        model(_batch(64))
    for hook in hooks:
        hook.remove()
    return seen


def test_the_gates_of_torchvisions_squeeze_and_excitation_are_what_its_activation_returned():
    model = _made(*torchvision("efficientnet_b0"))
    names = {id(module): name for name, module in model.named_modules()}
    squeezes = [module for module in model.modules() if type(module).__name__ == "SqueezeExcitation"]
    right = _outputs(model, lambda module: [module.scale_activation] if module in squeezes else [])
    with torch.inference_mode(), capture(model) as record:
        model(_batch(64))
    assert [gate.block for gate in record.gates] == [names[id(module)] for module in squeezes]
    for gate, values in zip(record.gates, right, strict=True):
        assert torch.equal(gate.values, values[:, :, 0, 0])


def test_the_gates_of_timms_cbam_are_what_its_two_gates_returned_and_share_a_block():
    model = _made(*timm("resnet18", block_args={"attn_layer": "cbam"}))
    right = _outputs(model, lambda module: [module.gate] if hasattr(module, "gate") else [])
    with torch.inference_mode(), capture(model) as record:
        model(_batch(64))
    blocks = [f"layer{stage}.{index}.se" for stage in (1, 2, 3, 4) for index in (0, 1)]
    assert [gate.block for gate in record.gates] == [block for block in blocks for _ in range(2)]
    for gate, values in zip(record.gates, right, strict=True):
        assert torch.equal(gate.values, values[:, :, 0, 0] if gate.kind == "channel" else values[:, 0])


def test_a_detectors_backbone_has_its_gates():
    def make(library: object) -> nn.Module:
        return library.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)

    model = _made("torchvision.models.detection", make)
    squeezes = [name for name, module in model.named_modules() if type(module).__name__ == "SqueezeExcitation"]
    images = [torch.rand(3, 160, 200, generator=torch.Generator().manual_seed(1))]
    with torch.inference_mode():
        (plain,) = model(images)
        with capture(model) as record:
            (found,) = model(images)
    assert all(torch.equal(found[key], plain[key]) for key in plain)
    assert [(gate.block, gate.kind) for gate in record.gates] == [(name, "channel") for name in squeezes]
