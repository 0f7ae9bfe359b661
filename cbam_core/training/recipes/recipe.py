"""What a recipe is: every number of a training run, frozen, checked, and stored with the network that it made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_args

from cbam_core.errors import TrainingError
from cbam_core.nn.cbam import Gates

KIND_WORDS = {bool: "yes or no", int: "a whole number", float: "a number"}

Number = int | float | str | bool


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a run does, complete: the same recipe, data and seed on one machine give the same weights.

    Attributes:
        name: what the card calls it.
        architecture: registered name of the network.
        gates: of every block of `CBAM_CNN`; ``"both"`` for other networks.
        epochs: passes over the training part.
        batch_size: images per step; the last, smaller batch of an epoch is left out.
        optimiser: ``"sgd"`` (with Nesterov momentum), ``"adam"``, or ``"muon"`` (orthogonal steps of hidden layers).
        learning_rate: of ``"one-cycle"`` the peak, of ``"plateau"`` the first; of ``"muon"`` that of hidden layers.
        other_rate: of ``"muon"``: the rate of all that is not a hidden layer.
        hidden_decay: of ``"muon"``: hidden layers shrink by this share of their rate at every step.
        schedule: ``"one-cycle"``, or ``"plateau"``, which halves the rate after more than three epochs in which the
            validation loss did not fall.
        warmup: of one-cycle: share of all steps, in (0, 1), that climb to the peak; the rest falls on a cosine.
        momentum: of SGD.
        weight_decay: L2 penalty on the weights of convolutions and linear layers outside the gates.
        label_smoothing: share of each target spread over all classes, in [0, 1).
        crop_padding: pixels of black added on each side before a random crop back to size.
        flip: mirror each image left to right with probability one half.
        alternating: of images that are mirrored: the half of the first epoch by chance, then each in every other epoch.
        brightness: images are multiplied by a factor between 1 - brightness and 1 + brightness.
        contrast: so is their distance from their mean grey.
        saturation: so is their distance from their own grey version.
        hue: turned by up to this share of the colour circle, either way, in [0, 0.5].
        rotation: turned by up to this many degrees, either way.
        erased: side in pixels of a square of mid-grey at a random place; 0 for none.
        pasted: share of the images, in [0, 1], that get a rectangle of another image, and its label by its area.
        bfloat16: run forward and backward in bfloat16 autocast, where the processor has arithmetic for it (see
            `cbam_core.training.precision`); weights and updates stay float32.
        second: of one-cycle: epochs at the end that are a cycle of their own, after that of the others; 0 for none.
        second_rate: share of the first cycle's peak rate that the second one climbs to, in (0, 1].
        plain: epochs at the end in which nothing is erased or pasted; 0 for none.
        teacher: name of the shipped network whose probabilities are learnt too, in the second cycle alone where there
            is one; "" for none.
        teacher_share: weight of that part of the loss, in [0, 1].
        teacher_temperature: both networks' logits are divided by it for that part.
        validation: images held out of the training set (the last ones of a fixed shuffle), never trained on.
        keep: ``"last"``, or ``"best"`` for the epoch of the greatest validation accuracy.
        seed: of initialisation, order and transforms.
    """

    name: str
    architecture: str = "CBAM_CNN"
    gates: str = "both"
    epochs: int
    batch_size: int = 128
    optimiser: str = "sgd"
    learning_rate: float
    other_rate: float = 0.1
    hidden_decay: float = 0.0
    schedule: str = "one-cycle"
    warmup: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    crop_padding: int = 4
    flip: bool = True
    alternating: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    rotation: float = 0.0
    erased: int = 0
    pasted: float = 0.0
    bfloat16: bool = True
    second: int = 0
    second_rate: float = 0.5
    plain: int = 0
    teacher: str = ""
    teacher_share: float = 0.0
    teacher_temperature: float = 1.0
    validation: int = 5000
    keep: str = "last"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high, open_low, open_high) in _RANGES.items():
            value = getattr(self, name)
            above = value > low if open_low else value >= low
            below = value < high if open_high else value <= high
            if not (above and below):  # not a number is neither
                raise TrainingError(
                    "training.recipe-value",
                    "recipe value {name} must lie in {range}; given {value}",
                    name=name,
                    range=f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}",
                    value=value,
                )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise TrainingError(
                    "training.recipe-choice",
                    "recipe value {name} must be one of {choices}; given {value}",
                    name=name,
                    choices=", ".join(choices),
                    value=str(getattr(self, name))[:60],
                )

        if self.second and (self.second >= self.epochs or self.schedule != "one-cycle"):
            raise TrainingError(
                "training.recipe-second",
                "recipe value second must be less than epochs, with schedule=one-cycle; "
                "given {second} of {epochs} epochs and schedule={schedule}; second=0 leaves the second cycle out",
                second=self.second,
                epochs=self.epochs,
                schedule=self.schedule,
            )

        if bool(self.teacher) != bool(self.teacher_share):
            raise TrainingError(
                "training.recipe-teacher",
                "recipe values teacher and teacher_share go together; given teacher={teacher} with "
                "teacher_share={share}",
                teacher=repr(self.teacher)[:60],
                share=self.teacher_share,
            )

    @property
    def last_cycle(self) -> int:
        """The first epoch of the second cycle, or of the only one, counted from 1."""
        return self.epochs - self.second + 1 if self.second else 1

    def of_epoch(self, epoch: int) -> Recipe:
        """The transforms of an epoch, counted from 1: this recipe's, or in the last ones its plain ones."""
        return replace(self, erased=0, pasted=0.0) if epoch > self.epochs - self.plain else self

    def as_dict(self) -> dict[str, Number]:
        """The recipe as JSON-ready values."""
        return asdict(self)

    def differences(self, stored: Mapping[str, Any]) -> list[str]:
        """Names of values in which a stored recipe is another one.

        Args:
            stored: values by name, as a run or a card keeps them. One that was not known yet counts as its default;
                one that is known no more makes a difference unless it stood for nothing.
        """
        defaults = {item.name: item.default for item in fields(self)}
        mine = self.as_dict()
        other = [name for name, value in mine.items() if stored.get(name, defaults[name]) != value]
        return other + [name for name, value in stored.items() if name not in mine and value]


_MANY = 10**9
_RANGES: dict[str, tuple[float, float, bool, bool]] = {
    "epochs": (1, 100_000, False, False),
    "batch_size": (1, 50_000, False, False),
    "learning_rate": (0, 1000, True, False),
    "other_rate": (0, 1000, True, False),
    "hidden_decay": (0, 1, False, False),
    "warmup": (0, 1, True, True),
    "momentum": (0, 1, False, True),
    "weight_decay": (0, 1, False, False),
    "label_smoothing": (0, 1, False, True),
    "crop_padding": (0, 16, False, False),
    "brightness": (0, 1, False, False),
    "contrast": (0, 1, False, False),
    "saturation": (0, 1, False, False),
    "hue": (0, 0.5, False, False),
    "rotation": (0, 180, False, False),
    "erased": (0, 32, False, False),
    "pasted": (0, 1, False, False),
    "second": (0, 100_000, False, False),
    "second_rate": (0, 1, True, False),
    "plain": (0, 100_000, False, False),
    "teacher_share": (0, 1, False, False),
    "teacher_temperature": (0, 1000, True, False),
    "validation": (1, 49_999, False, False),
    "seed": (0, _MANY, False, False),
}
"""Least and greatest value of each number, and whether the bounds themselves are excluded."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "gates": get_args(Gates),
    "optimiser": ("sgd", "adam", "muon"),
    "schedule": ("one-cycle", "plateau"),
    "keep": ("last", "best"),
}


def override(recipe: Recipe, changes: Mapping[str, str]) -> Recipe:
    """A recipe with other values, given as text, as on a command line.

    Args:
        recipe: where all other values come from.
        changes: values by name: ``{"learning_rate": "0.1", "flip": "no"}``.

    Raises:
        TrainingError: there is no such value, or the text is none of its kind.
    """
    known = [item.name for item in fields(recipe) if item.name != "name"]
    values: dict[str, Any] = {}
    for name, text in changes.items():
        if name not in known:
            raise TrainingError(
                "training.recipe-unknown",
                "a recipe has no value {name}; it has {known}",
                name=repr(name[:60]),
                known=", ".join(known),
            )
        values[name] = _parse(name, text, type(getattr(recipe, name)))
    return replace(recipe, **values)


def _parse(name: str, text: str, kind: type) -> Number:
    try:
        if kind is bool:
            return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[text.lower()]
        return kind(text)  # type: ignore[no-any-return]
    except (KeyError, ValueError):
        expected = KIND_WORDS[kind]
        raise TrainingError(
            "training.recipe-kind",
            "recipe value {name} must be {expected}; given {value}",
            name=name,
            expected=expected,
            value=repr(text[:60]),
        ) from None
