"""What torchvision knows about its networks: the preprocessing and the classes of its weights.

A module of torchvision does not know which weights it has. Its number of parameters says which network it is, and what
all weights of that network have in common is known. The library is imported only where it is asked about.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from torch import nn

from cbam_core.errors import CheckpointError, Message
from cbam_core.network.facts import Facts, pair
from cbam_core.nn.insertion import inserted_blocks


def of_module(model: nn.Module) -> Facts | None:
    """Return what the weights of a torchvision network have in common; None for any other module."""
    if not type(model).__module__.startswith("torchvision.") or "torchvision" not in sys.modules:
        return None
    names = _architectures(model)
    return of_name(*names) if names else None


def of_name(*names: str) -> Facts:
    """Return what the weights of torchvision networks have in common.

    Args:
        *names: names of the networks, such as ``"resnet18"``.
    """
    name = names[0]
    facts = _in_common([_facts(weights) for each in names for weights in _all_weights(each)])
    remark = Message(
        "network.torchvision",
        "size, normalisation and classes are those of torchvision's own weights for {name}, where nothing else states "
        "them",
        {"name": name},
    )
    return replace(facts, name=name, remarks=(remark,))


def of_weights(model: nn.Module, given: Any) -> Facts:
    """Return what torchvision says about weights.

    Args:
        model: the network that has these weights.
        given: a member of a weights enum, such as ``ResNet18_Weights.IMAGENET1K_V1``, its whole name, or, of a network
            of torchvision, its name alone (``"IMAGENET1K_V1"``, ``"DEFAULT"``).

    Raises:
        CheckpointError: there are no such weights.
    """
    if callable(getattr(given, "transforms", None)) and isinstance(getattr(given, "meta", None), dict):
        return _facts(given)
    known = [weights for name in _architectures(model) for weights in _all_weights(name)]
    for weights in known:
        if str(given) in (weights.name, str(weights)):
            return _facts(weights)
    if given == "DEFAULT" and known:
        return _facts(type(known[0]).DEFAULT)
    if isinstance(given, str) and "." in given:
        from torchvision.models import get_weight

        try:
            return _facts(get_weight(given))
        except (ValueError, AttributeError):
            pass
    raise CheckpointError(
        "network.unknown-weights",
        "{given} does not name weights of {kind}: give a member of its torchvision weights, such as "
        "ResNet18_Weights.DEFAULT{known}",
        given=repr(str(given)[:60]),
        kind=type(model).__name__,
        known="".join(f", or {weights.name}" for weights in known),
    )


def _architectures(model: nn.Module) -> list[str]:
    """Return the names of the torchvision networks that have as many parameters."""
    from torchvision.models import list_models

    added = {parameter for block in inserted_blocks(model).values() for parameter in block.parameters()}
    count = sum(parameter.numel() for parameter in model.parameters() if parameter not in added)
    names = [name for name in list_models() if not name.startswith("quantized_")]
    return [name for name in names if any(one.meta.get("num_params") == count for one in _all_weights(name))]


def _all_weights(name: str) -> list[Any]:
    from torchvision.models import get_model_weights

    return list(get_model_weights(name))


def _facts(weights: Any) -> Facts:
    """Return what the transforms and the description of weights say; a task other than classifying has no classes."""
    transforms = weights.transforms()
    crop = getattr(transforms, "crop_size", None)
    size = crop or getattr(transforms, "resize_size", None)
    classifies = isinstance(crop, list) and len(crop) == 1
    return Facts(
        classes=tuple(weights.meta.get("categories", ())) if classifies else (),
        normalisation=pair(getattr(transforms, "mean", [0.0]), getattr(transforms, "std", [1.0])),
        input_size=(size[0], size[0]) if isinstance(size, list) and len(size) == 1 else None,
        crop_share=_crop_share(crop, getattr(transforms, "resize_size", None)),
    )


def _crop_share(crop: Any, resized: Any) -> float:
    """Return the share of an image's centre that is cut out after it was resized."""
    known = all(isinstance(one, list) and len(one) == 1 for one in (crop, resized))
    return min(1.0, crop[0] / resized[0]) if known else 1.0


def _in_common(known: Iterable[Facts]) -> Facts:
    """Return the facts on which all agree."""
    first, *others = known
    same = {
        name: value for name, value in vars(first).items() if all(getattr(other, name) == value for other in others)
    }
    return Facts(**same)
