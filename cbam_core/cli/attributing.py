"""``cbam attribute``: what mattered for the logit of a class, by several methods, as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cbam_core.cli.choosing import CheckpointOption, JsonOption, open_checkpoint, refuse_network
from cbam_core.cli.interrupts import held_interrupts
from cbam_core.cli.output import console, one_line, progress_bar, say, write_json
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated
from cbam_core.results.methods import CONTROLS, METHOD_WORDS, METHODS

if TYPE_CHECKING:
    from cbam_core.results.attribution import Attribution

MEASURES = {
    "pearson": "correlation of values",
    "spearman": "correlation of ranks",
    "overlap": "overlap of the top 20 %",
}
"""What tables of agreement measure."""


@dataclass(frozen=True)
class Asked:
    """What is asked about an image.

    Attributes:
        methods: codes of the maps to make, with commas between them.
        target: class whose logit is asked about; None for the answer.
        exact: whether every channel and cell is replaced alone as well; None for where that is quick.
    """

    methods: Annotated[
        str,
        typer.Option(
            "--methods",
            metavar="A,B",
            help=f"Maps to make, of {', '.join(METHODS)}; 'none' for none.",
            show_default="all",
        ),
    ] = ",".join(METHODS)
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="CLASS", help="Class whose logit is asked about.", show_default="the answer"),
    ] = None
    exact: Annotated[
        bool | None,
        typer.Option(
            "--exact/--no-exact",
            help="Replace every channel and cell alone as well.",
            show_default="where that takes a few seconds",
        ),
    ] = None

    @property
    def maps(self) -> list[str]:
        """Codes of the maps to make."""
        return [one for one in self.methods.split(",") if one and one != "none"]


@with_groups
def attribute_image(
    *,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image file.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder of attribution.npz, attribution.png, attribution.json."
        ),
    ] = None,
    checkpoint: CheckpointOption = None,
    asked: Asked,
    measure: Annotated[
        Literal["pearson", "spearman", "overlap"], typer.Option(help="Measure of agreement in the table.")
    ] = "pearson",
    fit: Annotated[Literal["crop", "pad", "squash"], typer.Option(help="How to fit the image to the input.")] = "crop",
    stated: Stated = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Find what mattered for one logit: maps of several methods beside the last mask, and what each gate adds.

    Gates are compared with their usual values: by gradient, integrated over 8 steps, and exactly, entry by entry, for
    small networks. Agreements of maps stand beside those with the centre and the edges of the image, which know no
    network. Maps of captum need the extra `evidence`.

    \b
    Examples:
      cbam attribute cat.png --out results
      cbam attribute cat.png --target dog --methods mask,mask_gradient,occlusion --json
    """
    from cbam_core.evidence.attributing import attribution_steps, check_methods
    from cbam_core.evidence.attribution_files import save_attribution
    from cbam_core.evidence.subject import subject_of
    from cbam_core.steps import finished

    wanted = check_methods(asked.maps)
    classifier = open_checkpoint(checkpoint, stated)
    refuse_network(str(image))
    subject = subject_of(classifier, image, fit, target=asked.target, stated={})
    gates = sum(len(block.gates) for block in subject.explanation.blocks)
    with progress_bar("{task.completed} of {task.total}") as progress:
        bar = progress.add_task("attributing", total=len(wanted) + gates)
        steps = attribution_steps(subject, wanted, exact=asked.exact)
        found = finished(steps, lambda done: progress.update(bar, completed=done))
    if out is not None:
        with held_interrupts():
            save_attribution(found, out)
        say(f"saved {out}")
    if as_json:
        write_json(found.as_dict())
    else:
        show_attribution(found, measure)


def show_attribution(found: Attribution, measure: str) -> None:
    """Write an attribution: agreements of the maps, then one line for each gate."""
    typer.echo(f"{one_line(found.target)}: logit {found.logit:.3f}, by {one_line(found.explanation.checkpoint)}")
    if found.maps:
        typer.echo(f"\nAgreement of maps: {MEASURES[measure]}")
        _show_agreements(found, measure)
    if found.gates:
        typer.echo("\nWhat gates add to the logit, against their usual values")
        _show_gates(found)
    for code, reason in found.left_out.items():
        typer.echo(f"no {METHOD_WORDS.get(code, code)}: {one_line(str(reason))}")


def _show_agreements(found: Attribution, measure: str) -> None:
    from rich.table import Table

    names = [one.method for one in found.maps]
    table = Table(box=None, pad_edge=False)
    table.add_column("map", overflow="fold")
    for name in (*names[1:], *CONTROLS):
        table.add_column(METHOD_WORDS[name], justify="right")
    for place, name in enumerate(names):
        others = ["" for _ in names[1 : place + 1]]
        others += [_number(found, name, other, measure) for other in (*names[place + 1 :], *CONTROLS)]
        table.add_row(METHOD_WORDS[name], *others)
    console().print(table)


def _number(found: Attribution, one: str, other: str, measure: str) -> str:
    agreement = found.agreement(one, other)
    value = None if agreement is None else getattr(agreement, measure)
    return "flat" if value is None else f"{value:.2f}"


def _show_gates(found: Attribution) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("gate", overflow="fold")
    for heading in ("whole", "sum is off by", "form", "gradient r exact"):
        table.add_column(heading, justify="right")
    for one in found.gates:
        if one.left_out is not None:
            table.add_row(one_line(one.gate.name), one_line(str(one.left_out)))
            continue
        table.add_row(
            one_line(one.gate.name), _written(one.whole), _written(one.error), one.how, _written(one.correlation)
        )
    console().print(table)


def _written(value: float | None) -> str:
    return "" if value is None else f"{round(value, 3) + 0.0:.3f}"  # + 0.0 makes -0.0 a plain 0
