"""``cbam score``: what is lost where something else takes the place of a gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.choosing import (
    DataFolderOption,
    JsonOption,
    Named,
    file_of,
    open_available,
    open_checkpoint,
    open_named,
)
from cbam_core.cli.failures import SOME_FAILED
from cbam_core.cli.interrupts import held_interrupts
from cbam_core.cli.output import console, one_line, percent, progress_bar, say, share_shown, write_json
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated

if TYPE_CHECKING:
    from cbam_core.data.dataset import Dataset
    from cbam_core.evidence.scoring import Scoring
    from cbam_core.network import Classifier
    from cbam_core.results.receipt import Receipt
    from cbam_core.results.score import Score
    from cbam_core.results.score_rows import Row

SAVED_EVERY = 10.0
"""Seconds between two savings of what was found so far."""


@dataclass(frozen=True)
class Chosen:
    """The images that gates are tried on.

    Attributes:
        images: number of images; None for all.
        source: name of the set; None for the usual one.
    """

    images: Annotated[
        int | None,
        typer.Option("--images", metavar="N", min=2, help="Only so many images.", show_default="all"),
    ] = None
    source: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="SET",
            help="'cifar10:test', 'samples' (the 100 bundled images), or a folder with a subfolder for each class.",
            show_default="cifar10:test if it was downloaded, else samples",
        ),
    ] = None

    def open(self, data_dir: Path | None, classes: tuple[str, ...]) -> tuple[Dataset, bool]:
        """Open the images, labelled as a network's classes; say whether they are a whole set, not the samples.

        Raises:
            DataError: there is no such set.
        """
        from cbam_core.data.dataset import labelled_for
        from cbam_core.evidence.scoring import subset

        named = self.source
        whole = open_available("cifar10:test", data_dir) if named is None else open_named(named, data_dir)
        whole = labelled_for(whole, classes)
        chosen = whole if self.images is None else subset(whole, self.images)
        return chosen, len(chosen) == len(whole) and whole.split != "samples"


UNCHOSEN = Chosen()
"""All images of the usual set."""


@with_groups
def score_gates(
    *,
    named: Named,
    chosen: Chosen,
    twins: Annotated[
        Path | None,
        typer.Option(
            "--twins",
            metavar="FILE",
            help="Networks trained without gates: twins.json of `cbam train --twins`, or a file of benchmarks/twin.py.",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Compute it again, even if a result is kept.")] = False,
    data_dir: DataFolderOption = None,
    stated: Stated = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Replace each gate of a network for every test image, and count which answers change.

    Each gate, and each group of gates, gets its usual values, the best constant, its own mean (masks), the values of
    another image, or of another image of the same class, or 1 everywhere (off). Verdicts follow thresholds that were
    fixed beforehand. A receipt comes first: two controls, and random changes of equal size. Whether the controls hold
    is said before the long part.

    The result is kept, beside the checkpoint where that folder can be written, and answers at once the next time. A
    run that Ctrl+C stopped goes on the next time. Images of a folder that cannot be read are reported and left out.

    \b
    Examples:
      cbam score
      cbam score cbam_resnet_cifar10 --json
      cbam score mine.pth --set photos --images 500
    """
    from cbam_core.evidence.twins import read_twins
    from cbam_core.results.left_out import left_out_message

    with progress_bar() as progress:
        progress.add_task("opening the network", total=None)
        classifier = open_checkpoint(named.network, stated, images="--set")
    compared = None if twins is None else read_twins(twins)
    beside = _beside(classifier, named.network, stated)
    found = None if again or chosen != UNCHOSEN else _kept(beside, classifier)
    if found is None:
        dataset, whole = chosen.open(data_dir, classifier.classes)
        found = _found(classifier, dataset, beside if whole else None, again=again)
    if compared is not None:
        found = replace(found, twins=compared)
        _keep(found, [path for path in [beside] if path is not None])
    if as_json:
        write_json({"checkpoint": classifier.name, **found.as_dict()})
    else:
        show_score(classifier.name, found)
    if found.left_out:
        say(str(left_out_message(found.left_out, found.count)))
        raise typer.Exit(SOME_FAILED)


def _beside(classifier: Classifier, checkpoint: str | None, stated: Stated) -> Path | None:
    """Return the path of a scorecard beside its checkpoint; None for a network without a file of weights."""
    from cbam_core.errors import CheckpointError
    from cbam_core.results.score_file import score_path

    try:
        return score_path(file_of(classifier, checkpoint, stated))
    except CheckpointError:
        return None


def _kept(path: Path | None, classifier: Classifier) -> Score | None:
    from cbam_core.evidence.keeping import open_kept

    return None if path is None else open_kept(path, classifier.digest)


def _found(classifier: Classifier, dataset: Dataset, beside: Path | None, *, again: bool) -> Score:
    """Return the kept scorecard of a network over some images, or compute and keep it.

    Args:
        classifier: the network.
        dataset: the images.
        beside: path beside the checkpoint; None for a result that is kept in the cache folder alone.
        again: whether to compute it even if it is kept.
    """
    from cbam_core.evidence.keeping import forget_state, kept_path, open_kept
    from cbam_core.evidence.scoring import Scoring

    work = Scoring(classifier, dataset)
    if not classifier.digest:  # nothing says whether a kept result would be of these weights
        return _computed(work, resume=False)
    there = None if beside is None else open_kept(beside, classifier.digest)
    if there is not None and there.images != dataset.title:
        say(f"{beside} has the scorecard over {there.images}, and is not replaced by that over {dataset.title}")
        beside = None
    paths = [path for path in (beside, kept_path(work.key)) if path is not None]
    for path in () if again else paths:
        kept = open_kept(path, classifier.digest, dataset.title, len(dataset))
        if kept is not None:
            return kept
    score = _computed(work, resume=not again)
    _keep(score, paths)
    forget_state(work.key)
    return score


def _computed(work: Scoring, *, resume: bool) -> Score:
    from cbam_core.evidence.keeping import open_state, save_state
    from cbam_core.memory import keep_freed_memory
    from cbam_core.workers import workers_side_by_side

    keep_freed_memory()
    say(f"replacing every gate in several ways, over {work.count:,} images; Ctrl+C stops")
    if resume and (state := open_state(work.key)) is not None and work.resume(state):
        say(f"going on after {state.answers.count:,} images")
    saved, said = monotonic(), False
    with share_shown("scoring") as show, workers_side_by_side() as workers:
        steps = work.steps(workers)
        try:
            while True:
                show(next(steps))
                if work.early is not None and not said:
                    said = True
                    say(_said_early(work.early))
                if (state := work.state) is not None and monotonic() - saved > SAVED_EVERY:
                    save_state(state)
                    saved = monotonic()
        except StopIteration as end:
            score: Score = end.value
            return score
        except KeyboardInterrupt:
            _stop(work)
            raise
        finally:
            steps.close()


def _said_early(receipt: Receipt) -> str:
    """Say whether a receipt can hold, before the long part."""
    if receipt.holds:
        return "the controls of the receipt hold so far; the other edits follow"
    if not receipt.negative_holds:
        return "replacing gates by themselves changes answers, so the receipt will not hold, and the table not be shown"
    count = "" if receipt.closed is None else f" over these {receipt.closed.count:,} images"
    return (
        f"even with all gates 0, neither accuracy nor loss changes with certainty{count}: the receipt will not hold, "
        f"and the table not be shown{_how_many(receipt)}; Ctrl+C stops here"
    )


def _how_many(receipt: Receipt) -> str:
    """Say how many images would do, as far as that is known, and how to see the numbers anyway."""
    enough = "" if receipt.enough is None else f"; about {receipt.enough:,} images would do"
    return f"{enough}; --json writes all numbers anyway"


def _stop(work: Scoring) -> None:
    """Save what was found, and say that it can go on."""
    from cbam_core.evidence.keeping import save_state

    if (state := work.state) is not None and save_state(state):
        say(f"stopped after {state.answers.count:,} images; the same command goes on from there")


def _keep(score: Score, paths: list[Path]) -> None:
    from cbam_core.evidence.keeping import keep

    with held_interrupts():
        path = keep(score, paths)
    if path is not None:
        say(f"saved {path}")
        return
    folders = " nor in ".join(dict.fromkeys(str(path.parent) for path in paths))
    say(
        f"the result cannot be saved in {folders}; free some space there, or allow this user to write, and run the "
        "same command again"
    )


def show_score(name: str, score: Score) -> None:
    """Write a scorecard: the receipt first, and the table only if it holds."""
    from cbam_core.results.score_words import signed

    receipt, proof = score.receipt, score.proof
    typer.echo(
        f"{one_line(name)} on {score.count:,} images ({one_line(score.images)}): accuracy {score.accuracy:.2f} %, "
        f"loss {score.loss:.3f}, mean confidence {percent(score.confidence)}\n"
        f"usual values: over {score.usual_count:,} images ({one_line(score.usual)})\n\nReceipt"
    )
    if receipt.as_is is not None and receipt.closed is not None and receipt.joint is not None:
        typer.echo(
            f"  {proof.kept} of {proof.gates} gates replaced by themselves leave every bit of the output "
            f"({proof.count} images); all together change {receipt.as_is.changed} of {score.count:,} answers\n"
            f"  all gates 0 everywhere: accuracy {receipt.closed.accuracy:.2f} % ({signed(receipt.closed.points)} "
            f"points)\n"
            f"  all gates with their usual values: {signed(receipt.joint.points)} points; the single effects add up to "
            f"{signed(receipt.single)}"
        )
    if receipt.control == "loss" and receipt.closed_loss is not None:
        moved, low, high = (signed(one, 4) for one in (receipt.closed_loss.difference, *receipt.closed_loss.interval))
        typer.echo(
            f"  there the loss changes by {moved} ({low} to {high}): edits reach the answers, but no "
            "loss of more than 0.5 points is certain; there are too few images, or the network hardly uses its gates, "
            "as where blocks were inserted gradually"
        )
    if not receipt.holds:
        if receipt.negative_holds:
            typer.echo(
                "even with all gates 0, neither accuracy nor loss changes with certainty: there are too few images, or "
                "the answers do not pass the gates"
            )
        more = _how_many(receipt) if receipt.negative_holds else ""
        typer.echo(f"the receipt does not hold, so that the table would say nothing and is not shown{more}")
        return
    typer.echo("\nWith the usual values in place of a gate")
    for row in _by_effect(score.rows, "usual"):
        typer.echo(f"  {one_line(str(row.sentence))}{_twin(row)}")
    through = [one_line(gate.name) for gate in score.gates if gate.is_through]
    if through:
        typer.echo(f"  switched through (above 0.95 everywhere): {', '.join(through)}")
    typer.echo("\nChange of accuracy in percentage points")
    _show_effects(score)
    typer.echo("\nWhat the gates do over these images")
    _show_facts(score)
    console().file.flush()


def _by_effect(rows: tuple[Row, ...], edit: str) -> list[Row]:
    return sorted((row for row in rows if row.edit == edit), key=lambda row: row.change.points)


def _twin(row: Row) -> str:
    from cbam_core.results.score_words import signed

    if row.twin is None:
        return ""
    twin = row.twin
    return f"; trained without: {signed(twin.points)} ± {twin.reach:.2f} points ({twin.pairs} pairs, {twin.recipe})"


def _show_effects(score: Score) -> None:
    from rich.table import Table

    from cbam_core.results.score import EDITS
    from cbam_core.results.score_words import signed

    table = Table(box=None, pad_edge=False)
    table.add_column("gate", overflow="fold")
    for heading in (*(edit.replace("_", " ") for edit in EDITS), "direct", "random"):
        table.add_column(heading, justify="right")
    every = {(row.gate, row.edit): row for row in (*score.rows, *score.direct, *score.random)}
    for row in _by_effect(score.rows, "usual"):
        found = [every.get((row.gate, edit)) for edit in (*EDITS, "direct", "random")]
        table.add_row(one_line(row.gate), *("" if one is None else signed(one.change.points) for one in found))
    console().print(table)


def _show_facts(score: Score) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("gate", overflow="fold")
    for heading in ("mean", "deviation", "saturated", "fixed", "gain", "pattern", "between classes"):
        table.add_column(heading, justify="right")
    for gate in score.gates:
        shares = (gate.saturated, gate.shares.fixed, gate.shares.gain, gate.shares.pattern, gate.between)
        said = ("" if share is None else percent(share, 0) for share in shares)
        table.add_row(one_line(gate.name), f"{gate.mean:.3f}", f"{gate.deviation:.3f}", *said)
    console().print(table)
