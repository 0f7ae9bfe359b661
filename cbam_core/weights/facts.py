"""Facts about a network that training scripts keep beside its weights: class names, mean, deviation, input size."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cbam_core.errors import Message
from cbam_core.weights.class_names import (
    LONGEST_NAME,
    class_names,
    has_no_order,
    is_name,
    may_be_class_numbers,
    texts_of,
)
from cbam_core.weights.numpy_values import numpy_values
from cbam_core.weights.pickled_objects import Unread
from cbam_core.weights.stored import StoredTensor

CLASSES = {
    "categories",
    "class_labels",
    "class_list",
    "class_name",
    "class_names",
    "class_to_idx",
    "class_to_index",
    "classes",
    "classnames",
    "id2label",
    "idx2class",
    "idx2label",
    "idx_to_class",
    "index_to_class",
    "label2id",
    "label_map",
    "label_names",
    "labels",
    "names",
    "target_names",
}
MEANS = {"image_mean", "img_mean", "mean", "norm_mean", "normalize_mean", "pixel_mean", "data_mean", "dataset_mean"}
DEVIATIONS = {
    "data_std",
    "dataset_std",
    "image_std",
    "img_std",
    "norm_std",
    "normalize_std",
    "pixel_std",
    "std",
    "stdev",
}
SIZES = {"image_size", "img_size", "imgsz", "input_shape", "input_size", "resolution", "crop_size"}
PAIRS = {"normalization", "normalisation", "normalize", "normalise", "norm"}
"""Names of facts, in lower case."""

_OF_OTHERS_TOO = {"categories", "class_name", "label_names", "labels", "names", "target_names"}
"""Names of classes that other things have as well: ``class_name`` may be that of a Python class."""

MOST_NUMBERS = 16


@dataclass(frozen=True)
class Facts:
    """What a file states about its network; None for what it does not state.

    Attributes:
        classes: names of the classes, in the order of the outputs.
        mean: mean of each channel, in [0, 1].
        std: deviation of each channel.
        input_size: (width, height) in pixels.
        sources: name in the file of each fact, by the name of its attribute.
    """

    classes: tuple[str, ...] | None
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float] | None
    input_size: tuple[int, int] | None
    sources: Mapping[str, str]


def says_something(name: str) -> bool:
    """Check whether a dotted name ends as facts about a network do."""
    return _key(name) in CLASSES | MEANS | DEVIATIONS | SIZES | PAIRS


def stated_facts(tensors: Mapping[str, StoredTensor], metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what the texts and the small tensors of a ``.safetensors`` file state."""
    small = {name: tensor for name, tensor in tensors.items() if may_be_fact(name, tensor) and says_something(name)}
    return {**small, **{name: _read_text(text) for name, text in metadata.items() if says_something(name)}}


def _read_text(text: str) -> Any:
    """Read a text as JSON, else as a list with commas."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        parts = [part.strip() for part in text.split(",")][:10_000]
    try:
        return [float(part) for part in parts]
    except ValueError:
        return parts


def may_be_fact(name: str, tensor: StoredTensor) -> bool:
    """Check that a tensor may be a mean or deviation of three channels, or the numbers of classes."""
    if _key(name) in CLASSES:
        return may_be_class_numbers(tensor)
    return tensor.shape.count(3) == 1 and all(side in (1, 3) for side in tensor.shape)


def find_facts(facts: Mapping[str, Any], count: int) -> Facts:
    """Find what a file states about its network.

    Args:
        facts: values beside the weights, by dotted name.
        count: number of classes; lists of another length are about something else.
    """
    sources: dict[str, str] = {}
    found: dict[str, Any] = {"classes": None, "mean": None, "std": None, "input_size": None}
    spread = {**facts, **_from_pairs(facts)}
    for attribute, keys, read in (
        ("classes", CLASSES, lambda key, value: class_names(key, value, count)),
        ("input_size", SIZES, lambda _key, value: _size(value)),
    ):
        for name, value in spread.items():
            if found[attribute] is None and (key := _key(name)) in keys:
                found[attribute] = read(key, value)
                if found[attribute] is not None:
                    sources[attribute] = name
    normalisation = _normalisation(spread)
    if normalisation is not None:
        (sources["mean"], found["mean"]), (sources["std"], found["std"]) = normalisation
    return Facts(**found, sources=sources)


def unfit_facts(facts: Mapping[str, Any], count: int) -> dict[str, Message]:
    """Find what a file states about its network that cannot be true of it; why, by the names in the file.

    Names that other things than classes have too, such as ``labels``, are passed over.

    Args:
        facts: values beside the weights, by dotted name.
        count: number of classes of the network.
    """
    used, unfit = find_facts(facts, count), dict[str, Message]()
    for name, value in facts.items() if used.classes is None else ():
        if _key(name) in CLASSES - _OF_OTHERS_TOO:
            message = _why_no_names(name[:LONGEST_NAME], value, count)
            unfit |= {name: message} if message is not None else {}
    spread = {**facts, **_from_pairs(facts)}
    both = [_first_triple(spread, MEANS), _first_triple(spread, DEVIATIONS)]
    if used.mean is None and all(both):
        named = [
            f"{name[:LONGEST_NAME]} {', '.join(f'{one:g}' for one in numbers)}" for name, numbers in filter(None, both)
        ]
        message = Message(
            "checkpoint.other-normalisation",
            "the file's mean and deviation ({given}) are not used, for a mean is from 0 to 1 and a deviation from "
            "0.001 to 1000: state the right ones",
            {"given": "; ".join(named)},
        )
        unfit |= {name: message for name, _ in filter(None, both)}
    return unfit


def _why_no_names(name: str, value: object, count: int) -> Message | None:
    """Say why texts are no class names of a network; None where there are none, or they are not what does not fit."""
    if has_no_order(value):
        return Message(
            "checkpoint.unordered-classes",
            "the file's class names ({name}) are not used, for they are a set, which has no order: state them in the "
            "order of the outputs",
            {"name": name},
        )
    texts = texts_of(value)
    if not texts:
        return None
    if len(texts) == 1 != count:
        return Message(
            "checkpoint.one-class",
            "the file names one class ({name}) and the network has {expected}, so this name is not used: state the "
            "right ones",
            {"name": name, "expected": count},
        )
    if len(texts) != count:
        return Message(
            "checkpoint.other-classes",
            "the file names {given} classes ({name}) and the network has {expected}, so these names are not used: "
            "state the right ones",
            {"given": len(texts), "name": name, "expected": count},
        )
    if not all(map(is_name, texts)):
        return Message(
            "checkpoint.unfit-names",
            "the file's class names ({name}) are not used, for a name has 1 to {most} characters that can be shown, on "
            "one line: state the right ones",
            {"name": name, "most": LONGEST_NAME},
        )
    return None


def _key(name: str) -> str:
    """Return the last part of a dotted name in lower case, with words parted by one underscore."""
    last = name.rpartition(".")[2]
    return re.sub(r"[^a-z0-9]+", "_", last[:60].lower()).strip("_")


def _from_pairs(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Spread pairs of a mean and a deviation, such as ``normalize=([...], [...])``."""
    spread: dict[str, Any] = {}
    for name, value in facts.items():
        if _key(name) in PAIRS and isinstance(value, list | tuple) and len(value) == 2:
            spread[f"{name}.mean"], spread[f"{name}.std"] = value
    return spread


Normalisation = tuple[tuple[str, tuple[float, float, float]], tuple[str, tuple[float, float, float]]]


def _normalisation(facts: Mapping[str, Any]) -> Normalisation | None:
    """Return names and values of mean and deviation; they count only together, and only in one unit."""
    mean = _first_triple(facts, MEANS)
    std = _first_triple(facts, DEVIATIONS)
    if mean is None or std is None:
        return None
    values, spreads = mean[1], std[1]
    if max(values) > 1 and max(spreads) > 1:  # in grey levels of 0 to 255
        values, spreads = _divided(values), _divided(spreads)
    if not all(0 <= value <= 1 for value in values) or not all(0.001 <= value <= 1000 for value in spreads):
        return None
    return (mean[0], values), (std[0], spreads)


def _divided(values: tuple[float, float, float]) -> tuple[float, float, float]:
    red, green, blue = (value / 255 for value in values)
    return red, green, blue


def _first_triple(facts: Mapping[str, Any], keys: set[str]) -> tuple[str, tuple[float, float, float]] | None:
    for name, value in facts.items():
        if _key(name) in keys:
            numbers = numbers_of(value)
            if len(numbers) == 1 and _is_about_images(name):
                numbers *= 3
            if len(numbers) == 3:
                return name, (numbers[0], numbers[1], numbers[2])
    return None


def _is_about_images(name: str) -> bool:
    """Check that a name is not just ``"mean"``, which one number may be of anything."""
    return any(word in name.lower() for word in ("norm", "transform", "process", "image", "img", "pixel", "data"))


def _size(value: object) -> tuple[int, int] | None:
    """Return (width, height) from a side, from (height, width), or from (channels, height, width)."""
    numbers = numbers_of(value)
    sides = [int(number) for number in numbers if number == int(number)]
    if len(sides) != len(numbers) or not 1 <= len(sides) <= 4:
        return None
    if len(sides) == 1:
        return sides[0], sides[0]
    return (sides[1], sides[0]) if sides[-1] in (1, 3) and len(sides) == 3 else (sides[-1], sides[-2])


def numbers_of(value: object) -> list[float]:
    """Return the finite numbers of a number, a list, a tensor, or a NumPy array or scalar; [] for anything else."""
    if isinstance(value, StoredTensor):
        found = value.load().double().flatten().tolist() if math.prod(value.shape) <= MOST_NUMBERS else []
    elif isinstance(value, Unread):
        found = [one for one in numpy_values(value, MOST_NUMBERS) or [] if not isinstance(one, str)]
    elif isinstance(value, list | tuple) and len(value) <= MOST_NUMBERS:
        found = [number for one in value if type(one) in (int, float, Unread) for number in numbers_of(one)]
        found = found if len(found) == len(value) else []
    elif type(value) in (int, float):
        found = [value]
    else:
        found = []
    return [float(number) for number in found] if all(abs(number) < 1e9 for number in found) else []
