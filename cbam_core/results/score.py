"""Scorecard of a network: what each of its gates does, and what is lost where another takes its place.

Every row replaces one gate, or a group of gates, for every image of a labelled set, and compares the answers with those
of the network as it is. Verdicts follow thresholds that were fixed beforehand, see `cbam_core.results.paired`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt

from cbam_core.results.kinds import Kind
from cbam_core.results.left_out import LeftOut
from cbam_core.results.paired import MARGIN, Change, MeanChange, change
from cbam_core.results.receipt import Proof, Receipt
from cbam_core.results.score_rows import Row, Twin, row_as_dict
from cbam_core.results.usual import Shares

EDITS = ("usual", "best", "own_mean", "other", "same_class", "off")
"""Replacements of the table, the most telling first."""

GROUPS: Mapping[str, Kind | None] = MappingProxyType({"all.spatial": "spatial", "all.channel": "channel", "all": None})
"""Groups of gates that are replaced together, and the kind of their members; None for gates of every kind."""


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


@dataclass(frozen=True, eq=False)
class Score:
    """Scorecard of a network over N labelled images.

    Attributes:
        digest: SHA-256 of the network's weights file; "" for a network without a file.
        images: name of the images, such as ``"cifar10:test"``.
        classes: names of the K classes.
        labels: true class of each image.
        predicted: answer of the network as it is to each image.
        loss: mean negative log-likelihood of the true class, in nats; of a network that ends in sigmoids, of that class
            and no other.
        confidence: mean probability of the answer, in [0, 1].
        gates: what each gate does over these images, in order of execution.
        edits: every replacement that was scored: those of the table, and those of the receipt.
        proof: what was computed in two ways.
        usual: name of the images that the usual values are of.
        usual_count: number of these images.
        twins: networks that were trained without gates.
        left_out: images of the set that are not among these, because they cannot be decoded.
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
    left_out: tuple[LeftOut, ...] = ()

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Percentage of correct answers of the network as it is."""
        return 100 * float((self.predicted == self.labels).mean())

    @cached_property
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

    @cached_property
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
            "rows": [row_as_dict(row) for row in self.rows],
            "direct": [row_as_dict(row) for row in self.direct],
            "gates": [{**asdict(gate), "switched_through": gate.is_through} for gate in self.gates],
            "twins": [asdict(twin) for twin in self.twins],
            **({"left_out": [image.name for image in self.left_out]} if self.left_out else {}),
        }
