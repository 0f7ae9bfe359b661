"""A recipe: all settings of a training run, frozen, checked, and saved with the trained network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_args

from cbam_core.errors import TrainingError
from cbam_core.nn.cbam import Gates
from cbam_core.training.stages import equal_stages, parse_stages

KIND_WORDS = {bool: "yes or no", int: "a whole number", float: "a number"}

Setting = int | float | str | bool


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a run does: the same recipe, data and seed on one machine give the same weights.

    Attributes:
        name: name on the card.
        architecture: registered name of the network.
        gates: gates of every CBAM block; see `cbam_core.nn.CBAM`.
        insert: names or patterns of layers, with spaces between them, after which a CBAM is inserted; see
            `cbam_core.insert_cbam`. Only for networks without one of their own.
        gradual: whether inserted blocks begin without effect.
        ratio: ratio of every channel attention.
        kernel_size: side of every spatial attention's kernel.
        stem: ``"usual"``, or ``"small"`` for a ResNet whose first convolution has no stride, for small images.
        size: side in pixels of the images; 0 for that of the data or the network.
        data: name of the folder of classes; "" for CIFAR-10.
        weights: name of the file of the weights that the network begins with; "" for random ones.
        epochs: passes over the training part.
        batch_size: images per step; the last, smaller batch of an epoch is left out.
        optimiser: ``"sgd"`` (with Nesterov momentum), ``"adam"``, or ``"muon"`` (orthogonal steps of hidden layers).
        learning_rate: peak rate of ``"one-cycle"``, first rate of ``"plateau"``; for ``"muon"`` of hidden layers alone.
        other_rate: rate of all layers but the hidden ones, for ``"muon"``.
        hidden_decay: share of their rate by which hidden layers shrink at every step, for ``"muon"``.
        schedule: ``"one-cycle"``, or ``"plateau"``, which halves the rate after more than three epochs in which the
            validation loss did not fall, or ``"constant"``. Where there are stages, each has a cycle of its own.
        stages: which parts learn, at which share of the rate, from which epoch; see `cbam_core.training.stages`. ""
            if all learn at one rate.
        statistics: ``"kept"``, or ``"followed"`` if batch statistics of parts that do not learn in a stage go on
            following the images, as they do in the course.
        warmup: share of all steps, in (0, 1), in which one-cycle climbs to its peak; then it falls on a cosine.
        momentum: momentum of SGD.
        weight_decay: L2 penalty on the weights of convolutions and linear layers outside the gates.
        label_smoothing: share of each target distributed over all classes, in [0, 1).
        crop_padding: pixels of black added on each side before a random crop back to size.
        flip: whether each image is mirrored left to right with probability one half.
        alternating: whether a random half is mirrored in the first epoch, and then each image in every other epoch.
        brightness: largest change of brightness; the factor lies between 1 - brightness and 1 + brightness.
        contrast: the same for the distance of pixels from the mean grey of their image.
        saturation: the same for the distance of pixels from their own grey.
        hue: largest shift of the hue in either direction, as a share of the colour circle, in [0, 0.5].
        rotation: largest rotation in either direction, in degrees.
        erased: side in pixels of a mid-grey square at a random position; 0 for none.
        pasted: share of the images, in [0, 1], that get a rectangle of another image, and its label by its area.
        bfloat16: whether forward and backward run in bfloat16 autocast if the processor has instructions for it (see
            `cbam_core.training.precision`); weights and updates stay float32.
        second: number of epochs of a second cycle at the end of one-cycle; 0 for none.
        second_rate: share of the first cycle's peak rate that the second one climbs to, in (0, 1].
        plain: number of epochs at the end in which nothing is erased or pasted; 0 for none.
        teacher: name of a shipped network whose probabilities are learnt too, only in the second cycle if there is
            one; "" for none.
        teacher_share: weight of that part of the loss, in [0, 1].
        teacher_temperature: divisor of both networks' logits for that part.
        validation: number of training images held out (the last ones of a fixed shuffle), never trained on.
        keep: ``"last"``, or ``"best"`` for the epoch of the greatest validation accuracy.
        seed: seed of initialisation, order and transforms.
    """

    name: str
    architecture: str = "CBAM_CNN"
    gates: str = "both"
    insert: str = ""
    gradual: bool = False
    ratio: int = 16
    kernel_size: int = 7
    stem: str = "usual"
    size: int = 0
    data: str = ""
    weights: str = ""
    epochs: int
    batch_size: int = 128
    optimiser: str = "sgd"
    learning_rate: float
    other_rate: float = 0.1
    hidden_decay: float = 0.0
    schedule: str = "one-cycle"
    stages: str = ""
    statistics: str = "kept"
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
                "recipe value second must be less than epochs, with schedule=one-cycle; given {second} of {epochs} "
                "epochs and schedule={schedule}; second=0 omits the second cycle",
                second=self.second,
                epochs=self.epochs,
                schedule=self.schedule,
            )

        self._check_stages()
        if bool(self.teacher) != bool(self.teacher_share):
            raise TrainingError(
                "training.recipe-teacher",
                "recipe values teacher and teacher_share go together; given teacher={teacher} with "
                "teacher_share={share}",
                teacher=repr(self.teacher)[:60],
                share=self.teacher_share,
            )

    def _check_stages(self) -> None:
        stages = parse_stages(self.stages)
        if stages and (self.second or self.schedule == "plateau" or self.optimiser == "muon"):
            raise TrainingError(
                "training.recipe-stages",
                "recipe value stages goes with optimiser=sgd or adam, schedule=one-cycle or constant, and second=0",
            )
        if stages and stages[-1].first > self.epochs:
            raise TrainingError(
                "training.recipe-stage-late",
                "the last stage begins at epoch {first}, but the run has {epochs} epochs; give it at least {first}, or "
                "earlier stages, such as --set stages='{stages}'",
                first=stages[-1].first,
                epochs=self.epochs,
                stages=equal_stages(self.stages, self.epochs),
            )

    @property
    def last_cycle(self) -> int:
        """First epoch of the second cycle, or of the only one, counted from 1."""
        return self.epochs - self.second + 1 if self.second else 1

    def of_epoch(self, epoch: int) -> Recipe:
        """Give the recipe of an epoch, counted from 1: in the plain epochs at the end nothing is erased or pasted."""
        return replace(self, erased=0, pasted=0.0) if epoch > self.epochs - self.plain else self

    def as_dict(self) -> dict[str, Setting]:
        """Give the recipe as JSON-ready values."""
        return asdict(self)

    def differences(self, stored: Mapping[str, Any]) -> list[str]:
        """Name the values in which a stored recipe differs.

        Args:
            stored: values by name, as a run or a card keeps them. A missing value counts as its default; a value
                that no longer exists is a difference unless it is zero or empty.
        """
        defaults = {item.name: item.default for item in fields(self)}
        mine = self.as_dict()
        other = [name for name, value in mine.items() if stored.get(name, defaults[name]) != value]
        return other + [name for name, value in stored.items() if name not in mine and value]

    def described_differences(self, stored: Mapping[str, Any]) -> str:
        """Say in which values a stored recipe differs, with the stored value and that of this one."""
        defaults = {item.name: item.default for item in fields(self)}
        mine = self.as_dict()
        return ", ".join(
            f"{name}: {stored.get(name, defaults.get(name))!s:.60} there, {mine.get(name, 'unknown')!s:.60} given"
            for name in self.differences(stored)
        )

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Recipe:
        """Make the recipe of a run from its stored values; those that no longer exist are left out.

        Raises:
            TrainingError: a value is not one of a recipe.
        """
        known = {item.name for item in fields(cls)}
        try:
            return cls(**{name: value for name, value in stored.items() if name in known})
        except TypeError as error:
            raise TrainingError(
                "training.stored-recipe", "the recipe of this run is damaged; name the recipe with --recipe"
            ) from error


_MANY = 10**9
_RANGES: dict[str, tuple[float, float, bool, bool]] = {
    "epochs": (1, 100_000, False, False),
    "batch_size": (1, 50_000, False, False),
    "ratio": (1, 32, False, False),
    "kernel_size": (1, 15, False, False),
    "size": (0, 1024, False, False),
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
"""Lower and upper bound of each number, and whether each bound is excluded."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "gates": get_args(Gates),
    "optimiser": ("sgd", "adam", "muon"),
    "schedule": ("one-cycle", "plateau", "constant"),
    "statistics": ("kept", "followed"),
    "stem": ("usual", "small"),
    "keep": ("last", "best"),
}


SPELLINGS = {"optimizer": "optimiser"}
"""Other spellings of names of values."""


def override(recipe: Recipe, changes: Mapping[str, str]) -> Recipe:
    """Change values of a recipe, given as text, as on a command line.

    Args:
        recipe: source of all other values.
        changes: values by name: ``{"learning_rate": "0.1", "flip": "no"}``.

    Raises:
        TrainingError: a value does not exist, or its text cannot be parsed.
    """
    known = [item.name for item in fields(recipe) if item.name != "name"]
    values: dict[str, Any] = {}
    for given, text in changes.items():
        name = SPELLINGS.get(given, given)
        if name not in known:
            raise TrainingError(
                "training.recipe-unknown",
                "a recipe has no value {name}; it has {known}",
                name=repr(given[:60]),
                known=", ".join(known),
            )
        values[name] = _parse(name, text, type(getattr(recipe, name)))
    return replace(recipe, **values)


def _parse(name: str, text: str, kind: type) -> Setting:
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
