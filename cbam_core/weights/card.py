"""How a trained network came about, for people: the card that its file carries."""

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
            "the file names no classes: ten classes are assumed to be those of CIFAR-10, in its order",
        ),
        Message("card.assumed-numbers", "the file names no classes: they are numbered from 0"),
        Message(
            "card.assumed-normalisation",
            "the file says nothing about its input: images of 32x32 pixels, and the course's mean and deviation for "
            "CIFAR-10, are assumed",
        ),
    )
}
"""What is taken for granted about a file that does not describe itself."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """How a network came about, for people.

    Attributes:
        what: one or two sentences: what it is.
        recipe: every number of the training run.
        command: what makes it again.
        epochs: passes over the training part.
        seed: of initialisation, order and transforms.
        split: which images it was trained, selected and tested on.
        test_correct: test images whose class it got right.
        test_count: test images.
        limits: what it is not good for.
        versions: of the software that made it, by name.
        date: when it was made, ``YYYY-MM-DD``.
        history: one record an epoch, numbers by name.
        assumptions: what was taken for granted because the file did not say; from `ASSUMPTIONS`.
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
        """Share of test images right, in [0, 1]; None where nobody counted."""
        if self.test_correct is None or not self.test_count:
            return None
        return self.test_correct / self.test_count

    @classmethod
    def from_record(cls, record: object) -> Card:
        """A card from JSON values, every one checked.

        Raises:
            CheckpointError: a value has the wrong type or cannot be.
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
        """The card as JSON-ready values."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            **record,
            "recipe": dict(self.recipe),
            "versions": dict(self.versions),
            "history": [dict(epoch) for epoch in self.history],
            "assumptions": [message.code for message in self.assumptions],
        }
