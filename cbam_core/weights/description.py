"""Description of a trained network, stored in its file: what it is, which input it needs, and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cbam_core.errors import CheckpointError, ModelError
from cbam_core.nn.registry import complete_arguments, find
from cbam_core.weights.card import Card
from cbam_core.weights.fields import EXPECTED_WORDS, Fields, Scalar

FORMAT_VERSION = 1
"""Version of the description; increased when older programs can no longer read it."""

METADATA_KEY = "cbam_lens"
"""Metadata key of the description in a ``.safetensors`` file; the only key, because safetensors shuffles several."""

COURSE_MEAN = (0.4914, 0.4822, 0.4465)
COURSE_STD = (0.2023, 0.1994, 0.2010)
"""The course's normalisation: its standard deviations are means of the images' own standard deviations."""

Triple = tuple[float, float, float]

LONGEST_CLASS = 100
"""Largest number of characters of a class name."""


def two_names(name: str) -> tuple[str, str]:
    """Return the names of both answers of a network with one output, from the name of that output."""
    return f"not {name}"[:100], name


def check_normalisation(mean: Triple, std: Triple) -> None:
    """Check that images can be normalised with a mean and a deviation.

    Raises:
        CheckpointError: a number is out of its range.
    """
    if not all(0 <= value <= 1 for value in mean):
        raise CheckpointError(
            "checkpoint.mean",
            "the mean that images are normalised with must be three numbers from 0 to 1; given {given}",
            given=str(mean),
        )
    if not all(0.001 <= value <= 1000 for value in std):
        raise CheckpointError(
            "checkpoint.std",
            "the deviation that images are divided by must be three numbers from 0.001 to 1000; given {given}",
            given=str(std),
        )


@dataclass(frozen=True, kw_only=True)
class Description:
    """Everything about a trained network except its weights.

    Attributes:
        architecture: registered name.
        arguments: all arguments of its constructor.
        classes: names of the K classes, in the order of the outputs; two for a network with one output, whose sigmoid
            is the probability of the second.
        mean: mean of each channel for normalisation, RGB, in [0, 1].
        std: standard deviation of each channel for normalisation, RGB, in [0.001, 1000].
        input_size: (width, height) in pixels that images are fitted to.
        card: model card: how it was made.

    Raises:
        CheckpointError: the values contradict each other, or are impossible.
    """

    architecture: str
    arguments: Mapping[str, Scalar]
    classes: tuple[str, ...]
    mean: Triple
    std: Triple
    input_size: tuple[int, int]
    card: Card

    def __post_init__(self) -> None:
        try:
            complete = complete_arguments(self.architecture, self.arguments)
        except ModelError as error:
            raise CheckpointError(error.code, error.message.template, **error.message.values) from error
        object.__setattr__(self, "arguments", complete)
        self._check_classes(complete)
        self._check_numbers()

    def _check_classes(self, complete: Mapping[str, int | str]) -> None:
        if complete["num_classes"] == 1 and len(self.classes) == 1:
            object.__setattr__(self, "classes", two_names(self.classes[0]))
        if len(self.classes) != max(2, int(complete["num_classes"])):
            raise CheckpointError(
                "checkpoint.class-count",
                "{given} classes are named, but the network has {expected}",
                given=len(self.classes),
                expected=max(2, int(complete["num_classes"])),
            )
        for name in self.classes:
            if not 0 < len(name) <= LONGEST_CLASS or not name.isprintable():
                raise CheckpointError(
                    "checkpoint.class-name",
                    "a class name must have 1 to 100 printable characters; given {given}",
                    given=repr(name[:60]),
                )

    def _check_numbers(self) -> None:
        check_normalisation(self.mean, self.std)
        sides = find(self.architecture).sides_with(self.arguments)
        if not all(side in sides for side in self.input_size):
            raise CheckpointError(
                "checkpoint.input-size",
                "{architecture} takes images with sides of {smallest} to {largest} pixels; "
                "the description says {given}",
                architecture=self.architecture,
                smallest=sides[0],
                largest=sides[-1],
                given="×".join(map(str, self.input_size)),
            )

    @classmethod
    def from_json(cls, text: str) -> Description:
        """Read the output of `to_json`, and check every value.

        Raises:
            CheckpointError: the text is not such a description, or was written by a newer program.
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CheckpointError(
                "checkpoint.description-json",
                "the file's description of its network is not JSON; download it or save it again",
            ) from error
        fields = Fields(record, "")
        version = fields.count("version")
        if version is None:
            raise fields.wrong("version", EXPECTED_WORDS["version"].format(n1=1, n2=FORMAT_VERSION), None)
        if version > FORMAT_VERSION:
            raise CheckpointError(
                "checkpoint.newer-format",
                "the file's description has format version {given}, and this program reads up to {known}: "
                "update CBAM Lens",
                given=version,
                known=FORMAT_VERSION,
            )
        return cls(
            architecture=fields.text("architecture", limit=100),
            arguments=fields.scalars("arguments"),
            classes=tuple(fields.texts("classes")),
            mean=fields.triple("mean"),
            std=fields.triple("std"),
            input_size=fields.sizes("input_size"),
            card=Card.from_record(fields.values.get("card", {})),
        )

    def to_json(self) -> str:
        """Convert the description to JSON: the same text for the same values.

        Raises:
            ValueError: a number of the card is NaN or infinite.
        """
        record = {
            "version": FORMAT_VERSION,
            "architecture": self.architecture,
            "arguments": dict(self.arguments),
            "classes": list(self.classes),
            "mean": list(self.mean),
            "std": list(self.std),
            "input_size": list(self.input_size),
            "card": self.card.as_record(),
        }
        return json.dumps(record, ensure_ascii=False, allow_nan=False)
