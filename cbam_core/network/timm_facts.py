"""What a network of timm says about itself: its `pretrained_cfg`, and the classes of ImageNet.

The library is imported only where the network that is shown has imported it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import nn

from cbam_core.errors import Message
from cbam_core.network.facts import NUMBERED, Facts, numbered_classes, pair, unfit_pair


def of_module(model: nn.Module) -> Facts | None:
    """Return what a module with a `pretrained_cfg` says; None for any other.

    The mean, deviation and input size are those of the weights that the configuration describes, also where these were
    not loaded. Classes are named where they are those of ImageNet, and numbered where only their count is known.
    """
    stated = getattr(model, "pretrained_cfg", None)
    if not isinstance(stated, Mapping):
        return None
    size = stated.get("input_size")
    sides = size[1:] if isinstance(size, list | tuple) and len(size) == 3 else ()
    classes, remarks = _classes(model, stated)
    mean, std = stated.get("mean"), stated.get("std")
    unfit = unfit_pair(mean, std)
    return Facts(
        classes=classes,
        normalisation=None if unfit else pair(mean, std),
        input_size=(int(sides[1]), int(sides[0])) if len(sides) == 2 else None,
        name=str(stated.get("architecture") or ""),
        remarks=remarks,
        unfit=unfit,
        crop_share=_crop_share(stated),
    )


def _crop_share(stated: Mapping[str, Any]) -> float:
    """Return the share of an image's centre that timm's own evaluation takes."""
    share = stated.get("crop_pct") or 1.0
    centred = stated.get("crop_mode", "center") == "center"
    return float(share) if centred and isinstance(share, int | float) and 0 < share <= 1 else 1.0


def _classes(model: nn.Module, stated: Mapping[str, Any]) -> tuple[tuple[str, ...] | None, tuple[Message, ...]]:
    """Return the names of the classes, and a remark where they are only counted."""
    count = getattr(model, "num_classes", stated.get("num_classes"))
    if not isinstance(count, int) or count == 1:
        return None, ()
    if count == 0:
        return (), ()
    names = _stated_names(stated, count) or (_imagenet(stated) if count == stated.get("num_classes") else None)
    if names is not None and len(names) == count:
        return names, ()
    return numbered_classes(count), (NUMBERED,)


def _stated_names(stated: Mapping[str, Any], count: int) -> tuple[str, ...] | None:
    """Return the names in a configuration."""
    names, descriptions = stated.get("label_names"), stated.get("label_descriptions")
    if not isinstance(names, list | tuple) or len(names) != count:
        return None
    spoken = descriptions if isinstance(descriptions, Mapping) else {}
    return tuple(str(spoken.get(name, name))[:100] for name in names)


def _imagenet(stated: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return names of the ImageNet classes, short ones where no two are alike."""
    data = sys.modules.get("timm.data")
    subset = None if data is None else data.infer_imagenet_subset(dict(stated))
    if data is None or not subset:
        return None
    known = data.ImageNetInfo(subset)
    full = [str(known.index_to_description(number)) for number in range(known.num_classes())]
    short = [name.partition(",")[0] for name in full]
    often = Counter(short)
    return tuple((name if often[name] == 1 else whole)[:100] for name, whole in zip(short, full, strict=True))
