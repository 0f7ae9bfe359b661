"""Scoring: planted truths are found, stages can be interrupted, and both ways of running agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
import torch

from cbam_core.data.dataset import Dataset
from cbam_core.errors import DataError, ModelError
from cbam_core.evidence import running, scoring
from cbam_core.evidence.scoring import Scoring, Steps, score_gates, subset
from cbam_core.network import Classifier
from cbam_core.results.score import EDITS, Score
from tests.evidence import planted


@pytest.fixture(autouse=True)
def _batches_may_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes in signatures are not checked: a batch grows inside modules that say that they keep it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def _large_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score in batches of 64 images instead of 8: the networks here are so small that batches take the time."""
    monkeypatch.setattr(scoring, "FEWER", 1)


def run(steps: Steps, after_each: Callable[[], object] = lambda: None) -> Score:
    """Do all steps."""
    try:
        while True:
            assert 0 <= next(steps) <= 1
            after_each()
    except StopIteration as end:
        found: Score = end.value
    return found


def score(classifier: Classifier, dataset: Dataset, workers: int = 1) -> Score:
    shares: list[float] = []
    found = score_gates(classifier, dataset, report=shares.append, workers=workers)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    return found


def verdicts(found: Score) -> dict[str, str]:
    """Verdicts of the only gate, by edit."""
    assert found.receipt.holds
    return {row.edit: row.change.verdict for row in found.rows if row.gate == "attention.channel"}


@pytest.mark.usefixtures("_large_batches")
def test_a_constant_gate_is_useless_though_switching_it_off_costs() -> None:
    found = score(planted.constant(), planted.coloured())
    assert verdicts(found) == {
        "usual": "nothing",
        "best": "nothing",
        "other": "nothing",
        "same_class": "nothing",
        "off": "matters",
    }
    assert found.accuracy == 100
    assert found.gates[0].between is None


@pytest.mark.usefixtures("_large_batches")
def test_a_fixed_pattern_is_needed_though_no_image_changes_it() -> None:
    found = score(planted.fixed_pattern(), planted.coloured())
    said = verdicts(found)
    assert (said["usual"], said["other"], said["same_class"]) == ("nothing",) * 3
    assert (said["best"], said["off"]) == ("matters", "matters")
    assert found.gates[0].shares.fixed == pytest.approx(1)


@pytest.mark.usefixtures("_large_batches")
def test_one_number_an_image_moves_the_confidence_and_no_answer() -> None:
    found = score(planted.gain(), planted.coloured(noise=0.1))
    assert verdicts(found) == dict.fromkeys(("usual", "best", "other", "same_class", "off"), "nothing")
    off, other = found.row("attention.channel", "off"), found.row("attention.channel", "other")
    assert off is not None
    assert other is not None
    assert off.change.changed == other.change.changed == 0
    assert off.confidence.interval[0] > 0.05
    assert found.gates[0].shares.gain == pytest.approx(1)


@pytest.mark.usefixtures("_large_batches")
def test_a_gate_that_carries_the_label_is_missed_and_helps_from_another_image_of_the_class() -> None:
    found = score(planted.label_carrier(), planted.coloured(noise=0.1))
    row = found.row("attention.channel", "same_class")
    assert row is not None
    assert row.change.points > 5
    assert row.sentence.code == "verdict.class"
    assert str(row.sentence).startswith("attention.channel carries the class: with the values of another image of its")
    assert verdicts(found)["other"] == "matters"
    alone = verdicts(score(planted.only_label_carrier(), planted.coloured()))
    assert (alone["usual"], alone["other"], alone["same_class"]) == ("matters", "matters", "nothing")


@pytest.mark.usefixtures("_large_batches")
def test_without_noise_of_the_right_mean_the_network_is_better() -> None:
    found = score(planted.noise(), planted.coloured(noise=0.02))
    said = verdicts(found)
    assert (said["usual"], said["best"]) == ("better", "better")
    assert (said["other"], said["same_class"]) != ("better", "better")


@pytest.mark.usefixtures("_large_batches")
def test_the_share_between_classes_is_that_of_the_formula() -> None:
    found = score(planted.only_label_carrier(), planted.coloured())
    assert found.gates[0].between == pytest.approx(1)
    noisy = score(planted.noise(), planted.coloured())
    assert noisy.gates[0].between == pytest.approx(1)  # without noise in the images, they are three different ones
    unrelated = planted.coloured(noise=0.1)
    shuffled = replace(unrelated, labels=np.random.default_rng(1).permutation(unrelated.labels))
    assert score(planted.only_label_carrier(), shuffled).gates[0].between == pytest.approx(0, abs=0.02)


@pytest.mark.usefixtures("_large_batches")
def test_a_network_whose_answers_do_not_pass_its_gates_has_no_receipt() -> None:
    idle = planted.planted(lambda means: torch.full_like(means, 0.5), lambda means: 0 * means[:, :3])
    found = score(idle, planted.coloured(60))
    assert found.receipt.negative_holds
    assert not found.receipt.positive_holds
    assert not found.receipt.holds


def rows_of(found: Score) -> list[object]:
    return [(row.gate, row.edit, row.change) for row in (*found.rows, *found.direct, *found.random)]


def test_one_forward_for_all_edits_and_one_for_each_agree(
    tiny_classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
    dataset = Dataset("noise", "", tiny_classifier.classes, images, np.arange(10, dtype=np.uint8) % 5)
    together = score(tiny_classifier, dataset, workers=2)
    assert together.proof.kept == together.proof.gates == 6
    assert 0 <= together.proof.distance < 1e-5
    monkeypatch.setattr(scoring, "run_together", lambda *_: None)
    monkeypatch.setattr(scoring, "FEWER", 1)  # one batch instead of two
    alone = score(tiny_classifier, dataset)
    assert rows_of(alone) == rows_of(together)
    assert {row.edit for row in together.rows} == set(EDITS)
    groups = {"all.spatial", "all.channel", "all"}
    assert {row.gate for row in together.rows} == groups | {gate.name for gate in together.gates}
    assert {row.gate for row in together.rows if row.edit == "own_mean"} == {
        "cbam1.spatial",
        "cbam2.spatial",
        "cbam3.spatial",
        "all.spatial",
    }


def test_work_goes_on_where_it_was_interrupted() -> None:
    classifier, dataset = planted.label_carrier(), planted.coloured(90, noise=0.1)
    work = Scoring(classifier, dataset)
    steps = work.steps()
    assert work.state is None
    while work.state is None or work.state.answers.count < 48:
        next(steps)
    steps.close()
    state = work.state
    rest = Scoring(classifier, dataset)
    assert rest.resume(state)
    shown: list[bool] = []
    found = run(rest.steps(), lambda: shown.append(rest.state is not None))
    assert rows_of(found) == rows_of(score(classifier, dataset))
    assert sum(shown) == 6  # batches of 8: the rest
    assert not Scoring(classifier, planted.coloured(60)).resume(state)


def test_networks_without_gates_and_images_without_labels_are_refused() -> None:
    plain = replace(planted.constant(), model=torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 3)).eval())
    with pytest.raises(ModelError, match="planted has no gates, so there is nothing to score"):
        score(plain, planted.coloured(20))
    with pytest.raises(DataError, match="have no labels"):
        Scoring(planted.constant(), replace(planted.coloured(20), labels=None))


def test_a_subset_of_a_sorted_set_has_every_class() -> None:
    dataset = planted.coloured(30)
    assert subset(dataset, 30) is dataset
    few = subset(dataset, 4)
    assert np.array_equal(few.labels, dataset.labels[:4])
    order = np.argsort(dataset.labels, kind="stable")
    ordered = replace(dataset, images=dataset.images[order], labels=dataset.labels[order])
    assert set(subset(ordered, 4).labels) == {0, 1, 2}


def test_a_direct_effect_in_a_forward_of_its_own_freezes_later_gates(tiny_classifier: Classifier) -> None:
    from cbam_core.gates.joining import JoinedEdit, run_joined
    from cbam_core.gates.replacements import Off

    batch = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    edits = [JoinedEdit({"cbam1.channel": Off()}, freeze_later=frozen) for frozen in (True, False)]
    alone = running.run_each(tiny_classifier.model, batch, edits)
    together = run_joined(tiny_classifier.model, batch, edits)
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5)
    assert not torch.equal(alone[1], alone[2])


def ended(last: Callable[[torch.Tensor], torch.Tensor]) -> Classifier:
    """A network of the label's carrier that gives what a last function makes of its logits."""
    classifier = planted.label_carrier()
    before = classifier.model.logits
    classifier.model.logits = lambda means: last(before(means) - 12)
    return replace(classifier, digest="0" * 64)


@pytest.mark.usefixtures("_large_batches")
def test_confidence_and_loss_are_those_of_what_the_network_gives() -> None:
    dataset = planted.coloured(30, noise=0.1)
    pixels = torch.from_numpy(dataset.images[:]).permute(0, 3, 1, 2) / 255
    labels = torch.from_numpy(dataset.known_labels.astype(np.int64))
    with torch.inference_mode():
        logits = ended(torch.clone).model(pixels)
    one_hot = torch.nn.functional.one_hot(labels, 3).float()
    shares, each = logits.softmax(1), logits.sigmoid()
    assert abs(float(shares.max(1).values.mean() - each.max(1).values.mean())) > 0.1
    bce = torch.nn.functional.binary_cross_entropy(each, one_hot, reduction="none").sum(1).mean()
    nll = torch.nn.functional.cross_entropy(logits, labels)
    for last, probabilities, loss in (
        (torch.clone, shares, nll),
        (lambda x: x.softmax(1), shares, nll),
        (torch.sigmoid, each, bce),
    ):
        found = score(ended(last), dataset)
        assert found.confidence == pytest.approx(float(probabilities.max(1).values.mean()), abs=1e-5)
        assert found.loss == pytest.approx(float(loss), abs=1e-5)


def test_a_scorecard_of_sigmoids_is_kept_apart_from_one_of_a_softmax() -> None:
    dataset = planted.coloured(30)
    kept = {Scoring(ended(last), dataset).key for last in (torch.clone, lambda x: x.softmax(1), torch.sigmoid)}
    assert len(kept) == 2
    assert Scoring(ended(torch.clone), dataset).key == f"1 {'0' * 64} {dataset.title} 30 "
