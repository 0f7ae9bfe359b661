"""Model cards: how a trained network was made, stored in its file, for readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from cbam_core.errors import Message
from cbam_core.weights.fields import EXPECTED_WORDS, Fields

ASSUMPTIONS: dict[str, Message] = {
    message.code: message
    for message in (
        Message(
            "card.assumed-cifar10",
            "the file names no classes that fit its outputs: ten are assumed to be those of CIFAR-10, in its order",
        ),
        Message("card.assumed-numbers", "the file names no classes that fit its outputs: they are numbered from 0"),
        Message(
            "card.assumed-sigmoid",
            "the network has one output, and the file names no classes: its sigmoid is assumed to be the probability "
            "of the second of two classes",
        ),
        Message(
            "card.assumed-normalisation",
            "the file says nothing about its input that can be used: images of 32×32 pixels, and the course's mean and "
            "deviation for CIFAR-10, are assumed",
        ),
        Message(
            "card.assumed-mean",
            "the file names no mean and deviation of its input that can be used: the course's for CIFAR-10 are assumed",
        ),
        Message(
            "card.assumed-size",
            "the file names no input size: the side for which the network is designed is assumed",
        ),
    )
}
"""Assumptions about a file without a description."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Model card: how a network was made, for readers.

    Attributes:
        what: description of the network in one or two sentences.
        recipe: values of the training recipe, by name.
        command: command that makes it again.
        epochs: number of passes over the training part.
        seed: seed of initialisation, order and transforms.
        split: images that it was trained, selected and tested on.
        test_correct: number of test images that were classified correctly.
        test_count: number of test images.
        limits: uses that it is not suited for.
        versions: versions of the software that made it, by name.
        date: date on which it was made, ``YYYY-MM-DD``.
        history: one record for each epoch, numbers by name.
        assumptions: assumptions about facts that the file does not state; from `ASSUMPTIONS`.
    """

    what: str = ""
    recipe: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    command: str = ""
    epochs: int | None = None
    seed: int | None = None
    split: str = ""
    test_correct: int | None = None
    test_count: int | None = None
    limits: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    date: str = ""
    history: tuple[Mapping[str, int | float], ...] = ()
    assumptions: tuple[Message, ...] = ()

    @property
    def test_accuracy(self) -> float | None:
        """Share of test images classified correctly, in [0, 1]; None where it was not measured."""
        if self.test_correct is None or not self.test_count:
            return None
        return self.test_correct / self.test_count

    @classmethod
    def from_record(cls, record: object) -> Card:
        """Read a card from JSON values, and check each of them.

        Raises:
            CheckpointError: a value has the wrong type or is impossible.
        """
        given = Fields(record, "card.")
        card = cls(
            what=given.text("what", limit=2000),
            recipe=given.scalars("recipe"),
            command=given.text("command", limit=2000),
            epochs=given.count("epochs"),
            seed=given.count("seed"),
            split=given.text("split", limit=2000),
            test_correct=given.count("test_correct"),
            test_count=given.count("test_count"),
            limits=given.text("limits", limit=2000),
            versions={name: str(value) for name, value in given.scalars("versions").items()},
            date=given.text("date", limit=10),
            history=tuple(given.history("history")),
            assumptions=tuple(given.known("assumptions", ASSUMPTIONS)),
        )
        if (card.test_correct or 0) > (card.test_count or 0):
            raise given.wrong("test_correct", EXPECTED_WORDS["correct"], card.test_correct)
        return card

    def as_record(self) -> dict[str, Any]:
        """Convert the card to JSON-ready values."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            **record,
            "recipe": dict(self.recipe),
            "versions": dict(self.versions),
            "history": [dict(epoch) for epoch in self.history],
            "assumptions": [message.code for message in self.assumptions],
        }
