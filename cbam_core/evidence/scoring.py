"""Scoring a network: every gate and group of gates replaced in every way, over a labelled set, in steps.

There are four stages. The first shows the network every image, to know what its gates do, which values are usual, and
which gates an image can lend. The second computes a few images in two ways. The third finds the best constant of each
gate, for the images of one half on some of the other. The last shows the network every image again with every edit, in
one forward a batch, or in few, see `cbam_core.gates.joining`; it can be interrupted and resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cbam_core.arguments import takes
from cbam_core.data.dataset import DATASET, Dataset
from cbam_core.data.sequences import ImageFiles, ImageSequence
from cbam_core.errors import ModelError
from cbam_core.evaluation.readable import over_readable
from cbam_core.evaluation.scoring import Predictions
from cbam_core.evidence.answers import Answers, Collected, Constants, State, answers_of, joined
from cbam_core.evidence.facts import Donors, FactSums
from cbam_core.evidence.plan import ALL_ONLY, Lot, Planned, half_of, plan
from cbam_core.evidence.running import run_each, run_edited, run_together
from cbam_core.gates.joining import JoinedEdit
from cbam_core.gates.replacements import AsIs, BestConstant
from cbam_core.network import CLASSIFIER, Classifier
from cbam_core.network.outputs import as_logits, outputs_of
from cbam_core.observing import Observation, batch_size, batches, fitted, network_input, observe_all
from cbam_core.results.paired import change
from cbam_core.results.receipt import DISTANCE, Proof, Receipt
from cbam_core.results.score import GateFacts, Score
from cbam_core.results.score_rows import Twin
from cbam_core.results.usual import Usual
from cbam_core.workers import in_order

VERSION = 1
"""Version of how scorecards are made; a state of another version is not resumed."""

FEWER = 8
"""Batches have so many times fewer images than usual, because rows of many edits join."""

FITTED = 500
"""Largest number of images of each half on which constants are tried."""

FACTORS = (0.25, 0.5, 2**-0.5, 2**-0.25, 1.0, 2**0.25, 2**0.5, 2.0, 4.0)
"""Constants that are tried, as multiples of a gate's usual mean; 1 is tried too."""

PROVED = range(4, 33)
"""Numbers of images that are computed in two ways: of many images, more."""

PROVED_SHARE = 0.03
"""Share of the images that are computed in two ways, within `PROVED`."""

COST = 0.4
"""Time of one image with an edit, in forwards, by which progress is estimated."""

ALONE = 1.3
"""The same for an edit that is computed in two ways."""

CONTROL = 3.0
"""The same for one image in the controls over all images."""

Steps = Generator[float, None, Score]
"""Does one batch whenever it is asked for the share of the work that is done, and returns the scorecard."""


class Scoring:
    """One scorecard of a network over a labelled set.

    Args:
        classifier: the network; it is not changed.
        dataset: labelled images; of an image of another size, the centre is fitted to the network's input.
        twins: networks that were trained without gates, to name beside the results.

    Attributes:
        early: controls over all images, known before the long part; None until then, and for work that is resumed.

    Raises:
        DataError: the images have no labels.
        ModelError: the network has other classes.
    """

    def __init__(self, classifier: Classifier, dataset: Dataset, *, twins: Sequence[Twin] = ()) -> None:
        Predictions(classifier, dataset)
        self._classifier, self._whole, self._twins = classifier, dataset, tuple(twins)
        self._look_at(dataset)
        self._earlier: State | None = None
        self._collected: tuple[Constants, Collected] | None = None
        self._joins = True
        self._shares: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0)
        self._gates: tuple[str, ...] = ()
        self.early: Receipt | None = None

    def _look_at(self, dataset: Dataset) -> None:
        self._dataset, self._labels = dataset, dataset.known_labels.astype(np.int64)
        self._donors = Donors(self._labels)

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self._whole)

    @property
    def key(self) -> str:
        """What this is the scorecard of: network, images and usual values."""
        usual = self._classifier.usual
        source = "" if usual is None else f"{usual.count} {usual.images}"
        read_as = " sigmoids" if outputs_of(self._classifier) == "sigmoids" else ""  # earlier versions took a softmax
        return f"{VERSION} {self._classifier.digest} {self._whole.title} {len(self._whole)} {source}{read_as}"

    @property
    def state(self) -> State | None:
        """Answers so far, to go on from; None before the last stage."""
        if self._collected is None:
            return None
        best, collected = self._collected
        return State(self.key, best, collected.answers(), self._classifier.digest)

    def resume(self, state: State) -> bool:
        """Go on from a state if it is one of this work, and say whether it is; to be called before `steps`."""
        fits = (state.key, state.digest) == (self.key, self._classifier.digest)
        if fits:
            self._earlier = state
        return fits

    def steps(self, workers: int = 1) -> Steps:
        """Do the work, batch by batch, without the images that cannot be decoded.

        Args:
            workers: number of batches that go through the network side by side.

        Yields:
            Share of the work that is done, in [0, 1].

        Returns:
            The scorecard.

        Raises:
            CaptureError, ModelError: as `cbam_core.observing.observe`; or the network has no gates.
            DataError: no image can be decoded.
            ImageError: an image can no longer be decoded.
        """
        scored = partial(self._scored, workers=workers)
        return over_readable(self._classifier, self._whole, scored, 0.0, workers)

    def _scored(self, dataset: Dataset, workers: int) -> Steps:
        """Score the network over images that can be decoded."""
        self._look_at(dataset)
        facts, usual = yield from self._look(workers)
        rows = plan({gate.name: gate.kind for gate in facts})
        if self._earlier is None:
            yield from self._control([row for row in rows if row.edit in ALL_ONLY], usual, workers)
            best = yield from self._fit(facts, usual, workers)
        else:
            best = self._earlier.best
        proof = yield from self._prove(rows, facts, usual, best)
        answers = yield from self._answer(rows, usual, best, workers)
        return Score(
            digest=self._classifier.digest,
            images=self._dataset.title,
            classes=self._classifier.classes,
            labels=self._labels.astype(answers.predicted.dtype),
            predicted=answers.predicted[0],
            loss=float(answers.loss[0].mean(dtype=np.float64)),
            confidence=float(answers.confidence[0].mean(dtype=np.float64)),
            gates=facts,
            edits=tuple(answers.scored(place, row.gate, row.edit) for place, row in enumerate(rows, start=1)),
            proof=proof,
            usual=usual.images,
            usual_count=usual.count,
            twins=self._twins,
            left_out=dataset.left_out,
        )

    def _look(self, workers: int) -> Generator[float, None, tuple[tuple[GateFacts, ...], Usual]]:
        """Find what the gates do, and their usual values: those of the network, else over these images."""
        sums = FactSums(self._classifier, self._labels, len(self._dataset.classes))
        for seen in observe_all(self._classifier, self._dataset.images, workers=workers):
            if not sums.count:
                self._shares = _shares(self._classifier, len(self._labels), seen)
            self._donors.take_in(sums.count, seen)
            sums.take_in(seen)
            yield self._shares[0] * sums.count / len(self._labels)
        facts, usual = sums.facts(), self._classifier.usual
        self._gates = tuple(gate.name for gate in facts)
        if usual is None or any(usual.gate(gate.name) is None for gate in facts):
            usual = sums.usual(self._dataset.title)
        return facts, usual

    def _control(self, rows: Sequence[Planned], usual: Usual, workers: int) -> Generator[float, None, None]:
        """Replace all gates by themselves and by 0 for every image, to know early whether the receipt can hold."""
        parts: list[Answers] = []
        done = 0

        def answered(images: Int64[np.ndarray, " b"]) -> Answers:
            lot = Lot(images, self._donors, {})
            return self._run(images, [lot.edit(row) for row in rows], usual)

        for found in in_order(answered, self._parts(np.arange(len(self._labels))), workers):
            parts.append(found)
            done += found.count
            yield self._shares[0] + self._shares[1] * done / len(self._labels)
        answers = joined(parts)
        edits = {row.edit: answers.scored(place, row.gate, row.edit) for place, row in enumerate(rows, 1)}
        labels = self._labels.astype(answers.predicted.dtype)
        as_is, closed = (change(labels, answers.predicted[0], edits[edit].predicted) for edit in ALL_ONLY)
        self.early = Receipt(Proof(0, 0, 0, 0.0), as_is, closed, edits["closed"].loss, None, 0.0, ())

    def _fit(self, facts: Sequence[GateFacts], usual: Usual, workers: int) -> Generator[float, None, Constants]:
        """Find the constant with the lowest loss, for the images of each half on some of the other half."""
        tried = {gate.name: _candidates(usual, gate.name) for gate in facts}
        edits = [JoinedEdit({name: BestConstant(value)}) for name, values in tried.items() for value in values]
        images, losses, done = _spread(len(self._labels), 2 * FITTED), np.zeros((2, len(edits))), 0
        for found in in_order(lambda some: (some, self._run(some, edits)), self._parts(images), workers):
            for half in (0, 1):
                losses[half] += found[1].loss[1:, half_of(found[0]) == half].sum(axis=1, dtype=np.float64)
            done += len(found[0])
            yield sum(self._shares[:2]) + self._shares[2] * done / len(images)
        best, start = {}, 0
        for name, values in tried.items():
            own = losses[:, start : start + len(values)]
            best[name] = (values[int(own[1].argmin())], values[int(own[0].argmin())])
            start += len(values)
        return best

    def _prove(
        self, rows: Sequence[Planned], facts: Sequence[GateFacts], usual: Usual, best: Constants
    ) -> Generator[float, None, Proof]:
        """Compute some images in two ways; where the rows of edits cannot join, each edit has its own forward."""
        images = _spread(len(self._labels), _proved(len(self._labels)))
        kept, distance, done = {gate.name: True for gate in facts}, 0.0, sum(self._shares[:3])
        for part in self._parts(images, batch_size(self._classifier)):
            batch, lot = self._input(part), Lot(part, self._donors, best)
            each = self._shares[3] * len(part) / len(images) / (len(facts) + len(rows))
            for name, is_kept in kept.items():
                plain, same = run_each(self._classifier.model, batch, [JoinedEdit({name: AsIs()})])
                kept[name] = is_kept and bool(torch.equal(plain, same))
                yield (done := done + each)
            found = yield from self._distance(batch, [lot.edit(row) for row in rows], usual, (done, each))
            distance, done = max(distance, found), done + each * len(rows)
        self._joins = self._joins and distance <= DISTANCE
        return Proof(len(images), len(facts), sum(kept.values()), distance if self._joins else 0.0)

    def _distance(
        self, batch: Tensor, edits: Sequence[JoinedEdit], usual: Usual, progress: tuple[float, float]
    ) -> Generator[float, None, float]:
        """Compute edits in one forward and in one for each; return the largest distance of their logits."""
        together, largest = self._together(batch, edits, usual), 0.0
        for place, edit in enumerate(edits, start=1):
            if together is not None:
                alone = run_edited(self._classifier.model, batch, edit, usual)
                largest = max(largest, _distance(together[place], alone))
            yield progress[0] + progress[1] * place
        return largest

    def _answer(
        self, rows: Sequence[Planned], usual: Usual, best: Constants, workers: int
    ) -> Generator[float, None, Answers]:
        """Show the network the remaining images with every edit."""
        collected = Collected(len(rows) + 1, len(self._labels), len(self._dataset.classes))
        if self._earlier is not None:
            collected.take_in(self._earlier.answers)
        self._collected = best, collected

        def answered(images: Int64[np.ndarray, " b"]) -> Answers:
            lot = Lot(images, self._donors, best)
            return self._run(images, [lot.edit(row) for row in rows], usual)

        rest = np.arange(collected.count, len(self._labels))
        for found in in_order(answered, self._parts(rest), workers):
            collected.take_in(found)
            yield 1 - self._shares[4] * (1 - collected.count / len(self._labels))
        return collected.answers()

    def _run(self, images: Int64[np.ndarray, " b"], edits: Sequence[JoinedEdit], usual: Usual | None = None) -> Answers:
        """Run the network on some images, without an edit and with each of several."""
        batch = self._input(images)
        outputs = self._together(batch, edits, usual)
        if outputs is None:
            outputs = run_each(self._classifier.model, batch, edits, usual)
        logits = as_logits(self._classifier, outputs)
        sigmoids = outputs_of(self._classifier) == "sigmoids"
        return answers_of(logits, self._labels[images], len(self._dataset.classes), sigmoids=sigmoids)

    def _together(self, batch: Tensor, edits: Sequence[JoinedEdit], usual: Usual | None) -> Tensor | None:
        """Run all edits in one forward or few; None where the network does not allow that, from then on."""
        found = run_together(self._classifier.model, batch, edits, usual, self._gates) if self._joins else None
        self._joins = found is not None
        return found

    def _input(self, images: Int64[np.ndarray, " b"]) -> Float[Tensor, "b planes h w"]:
        found = [
            fitted(self._classifier, self._dataset.images, slice(index, index + 1))[0] for index in images.tolist()
        ]
        return network_input(self._classifier, found)

    def _parts(self, images: Int64[np.ndarray, " m"], least: int = 2) -> Iterator[Int64[np.ndarray, " b"]]:
        """Yield the images of each batch."""
        size = max(least, batch_size(self._classifier) // FEWER)
        return (images[part] for part in batches(len(images), size))


def _shares(classifier: Classifier, images: int, seen: Observation) -> tuple[float, ...]:
    """Estimate the shares of the work: looking, controls, constants, the proof, and answering with each edit.

    Raises:
        ModelError: the network has no gates.
    """
    if not seen.gates:
        raise ModelError(
            "score.no-gates",
            "{name} has no gates, so there is nothing to score",
            name=classifier.name or "this network",
        )
    edits = len(plan({gate.name: gate.kind for gate in seen.gates}))
    tried = COST * len(seen.gates) * (len(FACTORS) + 1) * min(images, 2 * FITTED)
    control = CONTROL * images
    proved, answered = ALONE * edits * min(images, _proved(images)), COST * edits * images
    parts = (images, control, tried, proved, answered)
    return tuple(part / sum(parts) for part in parts)


def _candidates(usual: Usual, name: str) -> tuple[float, ...]:
    found = usual.gate(name)
    level = 0.0 if found is None else found.level
    return tuple(dict.fromkeys((*(factor * level for factor in FACTORS), 1.0)))


def _spread(count: int, most: int) -> Int64[np.ndarray, " m"]:
    """Choose at most so many of some images, evenly, as many of either half."""
    pairs = max(1, min(count, most) // 2)
    first = 2 * np.linspace(0, (count - 1) // 2, pairs).astype(np.int64)
    both: np.ndarray = np.unique(np.concatenate([first, np.minimum(first + 1, count - 1)]))
    return both


def _proved(count: int) -> int:
    """Return how many of some images are computed in two ways."""
    return min(PROVED[-1], max(PROVED[0], round(PROVED_SHARE * count)))


def _distance(outputs: Tensor, others: Tensor) -> float:
    """Return the largest distance between two outputs of the same images and edits, without those not finite."""
    return float((outputs - others).nan_to_num().abs().max())


def subset(dataset: Dataset, count: int) -> Dataset:
    """Return the first images of a set; of one that is sorted by class, as many of each.

    Args:
        dataset: the set.
        count: number of images.
    """
    labels = dataset.labels
    if count >= len(dataset):
        return dataset
    chosen = np.arange(count)
    if labels is not None and (np.diff(labels.astype(np.int64)) >= 0).all():
        chosen = np.linspace(0, len(labels) - 1, count).astype(np.int64)
    images: ImageSequence = [dataset.images[index] for index in chosen.tolist()]
    if isinstance(dataset.images, ImageFiles):
        images = ImageFiles([dataset.images.paths[index] for index in chosen.tolist()], dataset.images.root)
    return replace(dataset, images=images, labels=None if labels is None else labels[chosen])


@takes(ModelError, classifier=CLASSIFIER, dataset=DATASET)
def score_gates(
    classifier: Classifier,
    dataset: Dataset,
    *,
    twins: Sequence[Twin] = (),
    report: Callable[[float], object] = lambda _: None,
    workers: int = 1,
) -> Score:
    """Score every gate of a network over a labelled set, without interruption; see `Scoring`.

    Args:
        classifier: the network; it is not changed.
        dataset: labelled images.
        twins: networks that were trained without gates, to name beside the results.
        report: called after each batch with the share of the work that is done, in [0, 1].
        workers: number of batches that go through the network side by side.

    Raises:
        CaptureError, DataError, ImageError, ModelError: as `Scoring` and its steps.
    """
    steps = Scoring(classifier, dataset, twins=twins).steps(workers)
    try:
        while True:
            report(next(steps))
    except StopIteration as end:
        score: Score = end.value
        return score
