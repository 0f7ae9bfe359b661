"""Scorecard of a network: what each of its gates does, and what is lost where another takes its place.

Every row replaces one gate, or a group of gates, for every image of a labelled set, and compares the answers with those
of the network as it is. Verdicts follow thresholds that were fixed beforehand, see `cbam_core.results.paired`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, UInt

from cbam_core.errors import Message
from cbam_core.results.kinds import Kind
from cbam_core.results.paired import MARGIN, VERDICT_WORDS, Change, MeanChange, change
from cbam_core.results.usual import Shares

EDITS = ("usual", "best", "own_mean", "other", "same_class", "off")
"""Replacements of the table, the most telling first."""

GROUPS: Mapping[str, Kind | None] = MappingProxyType({"all.spatial": "spatial", "all.channel": "channel", "all": None})
"""Groups of gates that are replaced together, and the kind of their members; None for gates of every kind."""

EDIT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "usual": "the usual values",
        "best": "the best constant",
        "own_mean": "its own mean",
        "other": "the values of another image",
        "same_class": "the values of another image of its class",
        "off": "1 everywhere (off)",
        "direct": "the usual values and later gates as they were",
        "random": "random changes of the size of those to the usual values",
        "as_is": "its own values",
        "closed": "0 everywhere",
    }
)
"""What stands in the place of a gate, by the code of the edit: those of the table, and those of the receipt."""

GROUP_WORDS: Mapping[str, str] = MappingProxyType(
    {"all.spatial": "all masks", "all.channel": "all channel weights", "all": "all gates"}
)
"""What groups of gates are called in words."""

SENTENCE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "matters": "{gate} matters: with {detail}, accuracy changes by {points} points (95 % interval {low} to {high}) "
        "and {changed} % of the answers change, of these {count} images",
        "little": "{gate} matters a little: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
        "nothing": "nothing seen of {gate}: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}, inside ±{margin}) and {changed} % of the answers change, of these {count} images",
        "unsure": "cannot tell for {gate}: with {detail}, accuracy changes by {points} points, and the 95 % interval "
        "{low} to {high} is too wide for these {count} images",
        "better": "better without {gate}: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
        "class": "{gate} carries the class: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
    }
)
"""Sentences by verdict; ``"class"``: more answers are correct with the values of an image of the true class."""

GROUP_SENTENCE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "matters": "{kind} matter: with {detail}, accuracy changes by {points} points (95 % interval {low} to {high}) "
        "and {changed} % of the answers change, of these {count} images",
        "little": "{kind} matter a little: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
        "nothing": "nothing seen of {kind}: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}, inside ±{margin}) and {changed} % of the answers change, of these {count} images",
        "unsure": "cannot tell for {kind}: with {detail}, accuracy changes by {points} points, and the 95 % interval "
        "{low} to {high} is too wide for these {count} images",
        "better": "better without {kind}: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
        "class": "{kind} carry the class: with {detail}, accuracy changes by {points} points (95 % interval {low} to "
        "{high}) and {changed} % of the answers change, of these {count} images",
    }
)
"""The same for groups of gates, which are named in words."""


@dataclass(frozen=True)
class GateFacts:
    """What a gate does over the images of a scorecard.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``.
        kind: axes along which it differs, see `cbam_core.results.kinds`.
        mean: mean of all its values.
        deviation: standard deviation of all its values, over cells and images.
        closed: share of values below `CLOSED`, in [0, 1].
        open: share of values above `OPEN`, in [0, 1].
        lowest: lowest value.
        shares: shares of the three parts of its variance.
        between: share of its variance over images that lies between classes, corrected for what chance alone gives;
            None where it cannot be computed.
    """

    name: str
    kind: Kind
    mean: float
    deviation: float
    closed: float
    open: float
    lowest: float
    shares: Shares
    between: float | None

    @property
    def is_through(self) -> bool:
        """Whether the gate is switched through: above `OPEN` everywhere, for every image."""
        return self.lowest > OPEN

    @property
    def saturated(self) -> float:
        """Share of values that are closed or open, in [0, 1]."""
        return self.closed + self.open


CLOSED, OPEN = 0.05, 0.95
"""Values of a gate below and above which it is saturated."""


@dataclass(frozen=True, eq=False)
class ScoredEdit:
    """Answers with one gate or group of gates replaced.

    Attributes:
        gate: name of the gate, or of the group, see `GROUPS`.
        edit: code of the replacement, see `EDIT_WORDS`.
        predicted: answer to each of the N images.
        loss: negative log-likelihood of the true class, in nats.
        confidence: probability of the answer, in [0, 1].
    """

    gate: str
    edit: str
    predicted: UInt[np.ndarray, " n"]
    loss: MeanChange
    confidence: MeanChange


@dataclass(frozen=True)
class Proof:
    """What was computed in two ways, on a few images.

    Attributes:
        count: number of these images.
        gates: number of gates that were replaced by themselves, one after the other.
        kept: number of gates of them that left every bit of the output as it was.
        distance: largest distance between the logits of the scorecard and those of one forward for each edit.
    """

    count: int
    gates: int
    kept: int
    distance: float


@dataclass(frozen=True)
class Twin:
    """Networks that were trained without some gates, compared with networks with all of them.

    Attributes:
        group: the gates that were left out: one of `GROUPS`.
        points: mean difference of accuracy in percentage points, below 0 where training without them costs.
        reach: half the width of its 95 % interval.
        pairs: number of pairs of runs.
        recipe: name of the training recipe.
    """

    group: str
    points: float
    reach: float
    pairs: int
    recipe: str


@dataclass(frozen=True)
class Row:
    """One row of a scorecard.

    Attributes:
        gate: name of the gate or group.
        edit: code of the replacement.
        change: how answers change.
        loss: negative log-likelihood of the true class, in nats.
        confidence: probability of the answer, in [0, 1].
        twin: networks that were trained without these gates; None where there are none.
    """

    gate: str
    edit: str
    change: Change
    loss: MeanChange
    confidence: MeanChange
    twin: Twin | None = None

    @property
    def sentence(self) -> Message:
        """What the row says, with its numbers."""
        return verdict_sentence(self.gate, self.edit, self.change)


def verdict_sentence(gate: str, edit: str, found: Change) -> Message:
    """Say what a replacement does to the answers, by thresholds that are the same for every gate."""
    low, high = found.interval
    values = {
        "detail": EDIT_WORDS[edit],
        "points": signed(found.points),
        "low": signed(low),
        "high": signed(high),
        "margin": f"{MARGIN:g}",
        "changed": f"{found.changed_percent:.1f}",
        "count": f"{found.count:,}",
    }
    code = "class" if edit == "same_class" and found.verdict == "better" else found.verdict
    if gate in GROUP_WORDS:
        return Message(f"verdict.{code}", GROUP_SENTENCE_WORDS[code], {"kind": GROUP_WORDS[gate], **values})
    return Message(f"verdict.{code}", SENTENCE_WORDS[code], {"gate": gate, **values})


def signed(points: float) -> str:
    """Write a difference in percentage points: "-3.87", "+0.12", "0.00"."""
    said = f"{points:+.2f}"
    return "0.00" if said in ("+0.00", "-0.00") else said


@dataclass(frozen=True, eq=False)
class Score:
    """Scorecard of a network over N labelled images.

    Attributes:
        digest: SHA-256 of the network's weights file; "" for a network without a file.
        images: name of the images, such as ``"cifar10:test"``.
        classes: names of the K classes.
        labels: true class of each image.
        predicted: answer of the network as it is to each image.
        loss: mean negative log-likelihood of the true class, in nats.
        confidence: mean probability of the answer, in [0, 1].
        gates: what each gate does over these images, in order of execution.
        edits: every replacement that was scored: those of the table, and those of the receipt.
        proof: what was computed in two ways.
        usual: name of the images that the usual values are of.
        usual_count: number of these images.
        twins: networks that were trained without gates.
    """

    digest: str
    images: str
    classes: tuple[str, ...]
    labels: UInt[np.ndarray, " n"]
    predicted: UInt[np.ndarray, " n"]
    loss: float
    confidence: float
    gates: tuple[GateFacts, ...]
    edits: tuple[ScoredEdit, ...] = field(repr=False)
    proof: Proof
    usual: str
    usual_count: int
    twins: tuple[Twin, ...] = ()

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Percentage of correct answers of the network as it is."""
        return 100 * float((self.predicted == self.labels).mean())

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows of the table: every gate and group with every replacement that it can have."""
        return tuple(self._rows(EDITS))

    @property
    def direct(self) -> tuple[Row, ...]:
        """Direct effects: each gate with its usual values, while later gates stay as they were."""
        return tuple(self._rows(("direct",)))

    @property
    def random(self) -> tuple[Row, ...]:
        """Each gate changed at random, by as much as the usual values would change it."""
        return tuple(self._rows(("random",)))

    def row(self, gate: str, edit: str) -> Row | None:
        """Return one row, of the table or of the receipt; None where there is none."""
        return next((row for row in self._rows((edit,)) if row.gate == gate), None)

    def changes(self, images: Bool[np.ndarray, " n"]) -> dict[tuple[str, str], Change]:
        """Compare answers over some of the images alone, for every gate and edit of the table.

        Args:
            images: which images.
        """
        return {
            (edit.gate, edit.edit): change(self.labels[images], self.predicted[images], edit.predicted[images])
            for edit in self.edits
            if edit.edit in EDITS
        }

    @property
    def receipt(self) -> Receipt:
        """What has to hold before the table says anything."""
        single = [row.change.points for row in self._rows(("usual",)) if row.gate not in GROUPS]
        return Receipt(
            proof=self.proof,
            as_is=self._one("as_is"),
            closed=self._one("closed"),
            closed_loss=None if (row := self.row("all", "closed")) is None else row.loss,
            joint=self._one("usual"),
            single=sum(single),
            random=self.random,
        )

    def _one(self, edit: str) -> Change | None:
        row = self.row("all", edit)
        return None if row is None else row.change

    def _rows(self, edits: tuple[str, ...]) -> Iterator[Row]:
        twins = {twin.group: twin for twin in self.twins}
        for edit in self.edits:
            if edit.edit in edits:
                found = change(self.labels, self.predicted, edit.predicted)
                twin = twins.get(edit.gate) if edit.edit == "usual" else None
                yield Row(edit.gate, edit.edit, found, edit.loss, edit.confidence, twin)

    def as_dict(self) -> dict[str, Any]:
        """Convert the scorecard to JSON-ready values, without the answers to each image."""
        return {
            "digest": self.digest,
            "images": self.images,
            "count": self.count,
            "accuracy": self.accuracy,
            "loss": self.loss,
            "confidence": self.confidence,
            "usual": {"images": self.usual, "count": self.usual_count},
            "interval": "95 %, paired answers (Bonett and Price 2012), from the counts of McNemar's test",
            "margin": MARGIN,
            "receipt": self.receipt.as_dict(),
            "rows": [_row_as_dict(row) for row in self.rows],
            "direct": [_row_as_dict(row) for row in self.direct],
            "gates": [{**asdict(gate), "switched_through": gate.is_through} for gate in self.gates],
            "twins": [asdict(twin) for twin in self.twins],
        }


DISTANCE = 1e-3
"""Largest distance of logits that two ways of computing the same may have."""

NEAR_TIES = 1e-3
"""Largest share of answers that may change where gates are replaced by themselves: rounding decides between equals."""


@dataclass(frozen=True)
class Receipt:
    """Controls of a scorecard; without them its table says nothing.

    Attributes:
        proof: what was computed in two ways.
        as_is: negative control: every gate replaced by itself, over all images.
        closed: positive control: every gate 0 everywhere, which no network can do without noticing.
        closed_loss: change of the loss there, in nats; None where `closed` is.
        joint: all gates with their usual values at once; None for a network without gates.
        single: sum of the effects of the single gates with their usual values, in percentage points.
        random: each gate changed at random, by as much as its usual values would change it.
    """

    proof: Proof
    as_is: Change | None
    closed: Change | None
    closed_loss: MeanChange | None
    joint: Change | None
    single: float
    random: tuple[Row, ...]

    @property
    def negative_holds(self) -> bool:
        """Whether replacing gates by themselves changes nothing: bit by bit in one forward, and no answer."""
        same = self.as_is is not None and self.as_is.changed <= NEAR_TIES * self.as_is.count
        return same and self.proof.kept == self.proof.gates and self.proof.distance <= DISTANCE

    @property
    def positive_holds(self) -> bool:
        """Whether an edit that must matter does: it costs accuracy, or at least moves the loss, see `control`."""
        return self.control is not None

    @property
    def control(self) -> Literal["accuracy", "loss"] | None:
        """What shows that edits reach the answers; None where nothing does.

        ``"loss"`` where accuracy does not fall with certainty and the loss changes by more than rounding can: of a
        network that hardly uses its gates, as where blocks were inserted gradually, or with few images.
        """
        if self.closed is not None and self.closed.verdict == "matters":
            return "accuracy"
        low, high = (0.0, 0.0) if self.closed_loss is None else self.closed_loss.interval
        return "loss" if low > DISTANCE or high < -DISTANCE else None

    @property
    def holds(self) -> bool:
        """Whether the table may be shown."""
        return self.negative_holds and self.positive_holds

    def as_dict(self) -> dict[str, Any]:
        """Convert the receipt to JSON-ready values."""
        return {
            "holds": self.holds,
            "negative_control": {**asdict(self.proof), "holds": self.negative_holds, **_counts(self.as_is)},
            "positive_control": {
                "holds": self.positive_holds,
                "by": self.control,
                **_counts(self.closed),
                "loss": None if self.closed_loss is None else asdict(self.closed_loss),
            },
            "joint": {"points": None if self.joint is None else self.joint.points, "sum_of_single": self.single},
            "random": [_row_as_dict(row) for row in self.random],
        }


def _counts(found: Change | None) -> dict[str, Any]:
    if found is None:
        return {}
    low, high = found.interval
    return {
        "accuracy": found.accuracy,
        "newly_wrong": found.newly_wrong,
        "newly_right": found.newly_right,
        "changed": found.changed,
        "points": found.points,
        "low": low,
        "high": high,
    }


def _row_as_dict(row: Row) -> dict[str, Any]:
    return {
        "gate": row.gate,
        "edit": row.edit,
        **_counts(row.change),
        "verdict": VERDICT_WORDS[row.change.verdict],
        "sentence": str(row.sentence),
        "loss": asdict(row.loss),
        "confidence": asdict(row.confidence),
        "twin": None if row.twin is None else asdict(row.twin),
    }
