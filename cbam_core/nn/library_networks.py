"""Networks of torchvision and timm as registered ones: ``"torchvision:resnet18"``, with CBAM inserted if asked for.

A file may name them, because nothing in it is code: the name must be one that the installed library lists, and all
arguments are numbers, choices or patterns of layers. So a network that was trained here opens again by its file alone.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, overload

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from cbam_core.errors import ModelError, text_of
from cbam_core.nn.insertion import insert_cbam
from cbam_core.nn.registry import CLASS_COUNTS, GATE_CHOICE, GATE_KNOBS, Architecture, Argument, Shapes, register_family

SIDES = range(32, 1025)
"""Sides in pixels that images for such a network may have."""


class Patterns(Sequence[str]):
    """Allowed values of ``insert``: names of layers and patterns, with spaces between them; "" for none."""

    _WRITTEN = re.compile(r"([\w.*?!\[\]-]{1,100}( [\w.*?!\[\]-]{1,100}){0,19})?")

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and self._WRITTEN.fullmatch(value) is not None

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return ("up to 20 names or patterns of layers, such as 'layer[1-4]'",)[index]


INSERTED: Mapping[str, Argument] = {
    "insert": Argument(default="", allowed=Patterns(), knob=True),
    **GATE_KNOBS,
    "gates": GATE_CHOICE,
    "gradual": Argument(default="no", allowed=("no", "yes"), knob=True),
}
"""Allowed values of what says which CBAM is inserted where; see `insert_cbam`."""

ARGUMENTS: Mapping[str, Argument] = {
    "num_classes": CLASS_COUNTS,
    "stem": Argument(default="usual", allowed=("usual", "small"), knob=True),
    **INSERTED,
}


def _of_torchvision(name: str) -> Callable[..., nn.Module] | None:
    """Return the function that builds a classifier of torchvision; None for an unknown name."""
    from torchvision import models

    if name not in models.list_models(module=models):
        return None
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return partial(models.get_model, name, weights=None, **options)


def _of_timm(name: str) -> Callable[..., nn.Module] | None:
    """Return the function that builds a network of timm; None for an unknown name."""
    import timm

    known = re.fullmatch(r"\w+", name) is not None and timm.is_model(name)
    return partial(timm.create_model, name, pretrained=False) if known else None


def _family(library: str, lookup: Callable[[str], Callable[..., nn.Module] | None], name: str) -> Architecture:
    """Describe a network of a library.

    Raises:
        ModelError: the library is not installed, or has no such network.
    """
    try:
        with warnings.catch_warnings(category=FutureWarning, action="ignore"):  # of these libraries' own code
            build = lookup(name)
    except ImportError as error:
        raise ModelError(
            "network.not-installed", "{library} is not installed; run: pip install {library}", library=library
        ) from error
    if build is None:
        raise ModelError(
            "model.not-in-library",
            "{library} has no network for classification named {name}; see the names in its documentation",
            library=library,
            name=repr(name[:60]),
        )
    full = f"{library}:{name}"
    return Architecture(full, partial(_built, full, build), ARGUMENTS, (224, 224), SIDES, _nothing_to_infer)


def _nothing_to_infer(_shapes: Shapes) -> dict[str, int | str]:
    return {}  # a file without a description is not recognised by its shapes


def _built(full: str, build: Callable[..., nn.Module], **arguments: Any) -> nn.Module:
    """Build a network of a library, and insert CBAM.

    Raises:
        ModelError: the library refuses, or a block does not fit.
    """
    try:
        with warnings.catch_warnings(action="ignore"), _NumbersOnCpu():
            model = build(num_classes=arguments["num_classes"])
    except Exception as error:  # code of somebody else can raise anything
        raise ModelError(
            "model.library-failed",
            "{name} cannot be built ({reason})",
            name=full,
            reason=(text_of(error).partition("\n")[0] or type(error).__name__)[:200],
        ) from error
    if arguments.get("stem") == "small":
        make_stem_small(model)
    insert_as_asked(model, arguments)
    return model


class _NumbersOnCpu(TorchFunctionMode):
    """Keeps ranges of numbers on the CPU, also where tensors are made without memory: constructors read them."""

    def __torch_function__(self, function: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        named = dict(named or {})
        if function in (torch.linspace, torch.arange) and named.get("device") is None:
            named["device"] = "cpu"
        return function(*given, **named)


def insert_as_asked(model: nn.Module, arguments: Mapping[str, Any]) -> None:
    """Insert the CBAM blocks that arguments ask for, as `INSERTED` allows them; none without ``insert``.

    Raises:
        ModelError: as `insert_cbam`.
    """
    if not arguments.get("insert"):
        return
    insert_cbam(
        model,
        str(arguments["insert"]).split(),
        ratio=arguments.get("ratio", GATE_KNOBS["ratio"].default),
        kernel_size=arguments.get("kernel_size", GATE_KNOBS["kernel_size"].default),
        gates=str(arguments.get("gates", GATE_CHOICE.default)),
        gradual=arguments.get("gradual") == "yes",
    )


class SmallStem(nn.Conv2d):
    """A first convolution that took the place of a pretrained one."""


def make_stem_small(model: nn.Module) -> None:
    """Fit a ResNet to small images: a first convolution of 3x3 without stride, and no pooling after it.

    The usual stem divides each side by 4, which leaves a map of 1x1 of 32 pixels in the last stage.

    Raises:
        ModelError: the network has no such stem.
    """
    first = getattr(model, "conv1", None)
    if not isinstance(first, nn.Conv2d) or not isinstance(getattr(model, "maxpool", None), nn.Module):
        raise ModelError(
            "model.no-stem",
            "{kind} has no stem like a ResNet's, conv1 and maxpool, that could be made small; give stem=usual",
            kind=type(model).__name__,
        )
    model.conv1 = SmallStem(first.in_channels, first.out_channels, 3, padding=1, bias=first.bias is not None)
    model.maxpool = nn.Identity()


for _library, _lookup in (("torchvision", _of_torchvision), ("timm", _of_timm)):
    register_family(_library, partial(_family, _library, _lookup))
