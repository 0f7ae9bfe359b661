"""``cbam info`` and ``cbam export``: a network's card and size, and its weights for the course's own code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cbam_core.cli.choosing import CheckpointOption, JsonOption, one_network, open_of_known_size
from cbam_core.cli.failures import remark_said
from cbam_core.cli.output import console, one_line, percent, write_json
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated
from cbam_core.cli.usual import describe_usual, show_usual
from cbam_core.errors import CheckpointError, reason_of
from cbam_core.files import full_disk
from cbam_core.places import shipped_checkpoints

MANY_CLASSES = 20
"""Number of class names up to which all are printed."""

if TYPE_CHECKING:
    from cbam_core.gates.anatomy import Summary
    from cbam_core.network import Classifier

CheckpointArgument = Annotated[
    str,
    typer.Argument(
        metavar="CHECKPOINT",
        help="A .safetensors or .pth file, or the name of a network that ships with the program.",
    ),
]


@with_groups
def show_info(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            metavar="NETWORK",
            help="As for --model: a .safetensors or .pth file, the name of a network that ships with the program, or a "
            "network of your own.",
            show_default="cbam_cnn_cifar10",
        ),
    ] = None,
    model: CheckpointOption = None,
    stated: Stated = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Show a network's card, its layers, and the size and cost of its CBAM blocks.

    \b
    Examples:
      cbam info cbam_cnn_cifar10
      cbam info runs/short/cbam_cnn_cifar10.safetensors
      cbam info mine.pth --json
      cbam info mine.pth --classes cat,dog --normalisation imagenet
    """
    from cbam_core.gates.anatomy import summarise

    classifier = open_of_known_size(one_network(checkpoint, model), stated)
    summary = summarise(classifier.model, classifier.input_size)
    if as_json:
        write_json(_as_dict(classifier, summary))
        return
    screen = console()
    for heading, rows in (
        ("", _facts(classifier)),
        ("Size", _sizes(summary, "CBAM adds" if classifier.architecture else "gates add")),
    ):
        if heading:
            typer.echo(f"\n{heading}")
        _show_pairs(rows)
    _show_layers(summary)
    _show_blocks(summary, "CBAM blocks" if classifier.architecture else "Blocks with gates")
    _show_gates(classifier)
    screen.file.flush()


def export(
    checkpoint: CheckpointArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT.pth", help="File to write; an older file is replaced.")],
) -> None:
    """Write only the weights, as a PyTorch state dict.

    The course's own code loads that of a CBAM_CNN with both gates, with strict=True.

    \b
    Examples:
      cbam export cbam_cnn_cifar10 weights.pth
      cbam export runs/short/cbam_cnn_cifar10.safetensors weights.pth
    """
    from cbam_core.network import export_state_dict, load_checkpoint

    classifier = load_checkpoint(checkpoint)
    source = shipped_checkpoints().get(checkpoint, Path(checkpoint))
    if out.exists() and source.exists() and out.samefile(source):
        raise CheckpointError(
            "export.onto-itself",
            "{path} is the checkpoint itself, whose card would be lost; choose another name to write to",
            path=str(out),
        )
    try:
        export_state_dict(classifier, out)
    except OSError as error:
        raise full_disk(error, out, CheckpointError, "export.unwritable") or CheckpointError(
            "export.unwritable",
            "cannot write {path}: {reason}; choose a file that you may write to",
            path=str(out),
            reason=reason_of(error),
        ) from error
    typer.echo(one_line(f"{out}: state dict of {classifier.architecture}, {out.stat().st_size:,} bytes"))


def _facts(classifier: Classifier) -> Iterator[tuple[str, str]]:
    card = classifier.card
    arguments = ", ".join(f"{key}={value!r}" for key, value in classifier.arguments.items())
    yield "name", classifier.name
    yield "description", card.what
    yield (
        "network",
        f"{classifier.architecture}({arguments})" if classifier.architecture else classifier.kind,
    )
    yield "classes", _some(classifier.classes)
    yield "input", "{}×{} RGB".format(*classifier.input_size)
    yield "mean", ", ".join(f"{value:.4f}" for value in classifier.mean)
    yield "std", ", ".join(f"{value:.4f}" for value in classifier.std)
    if card.test_accuracy is not None:
        yield "test accuracy", f"{percent(card.test_accuracy)} ({card.test_correct:,} of {card.test_count:,})"
    yield "images", card.split
    yield "recipe", ", ".join(f"{key} {value}" for key, value in card.recipe.items() if value not in ("", None))
    yield "epochs", "" if card.epochs is None else str(card.epochs)
    yield "seed", "" if card.seed is None else str(card.seed)
    yield "command", card.command
    yield "date", card.date
    yield "versions", ", ".join(f"{software} {version}" for software, version in card.versions.items())
    yield "limits", card.limits
    yield "SHA-256", classifier.digest
    for assumption in card.assumptions:
        yield "assumed", str(assumption)
    for remark in classifier.remarks:
        yield "remark", remark_said(remark)


def _some(classes: tuple[str, ...]) -> str:
    """List class names, of very many the first ones and their number; --json has them all."""
    if len(classes) <= MANY_CLASSES:
        return ", ".join(classes)
    return f"{len(classes):,}: {', '.join(classes[:MANY_CLASSES])}, ..."


def _sizes(summary: Summary, adds: str) -> Iterator[tuple[str, str]]:
    yield "parameters", f"{summary.parameters:,}"
    yield "trainable", f"{summary.trainable:,}"
    yield "multiply-adds", f"{summary.multiply_adds:,} for one image"
    if not summary.blocks:
        return
    yield (
        adds,
        f"{summary.cbam_parameters:,} parameters ({percent(summary.cbam_parameter_share)} of all), "
        f"{summary.cbam_multiply_adds:,} multiply-adds ({percent(summary.cbam_multiply_add_share)} of all)",
    )


def _show_pairs(rows: Iterator[tuple[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(name, Text(one_line(value)))
    console().print(table)


def _show_layers(summary: Summary) -> None:
    from rich.table import Table

    typer.echo("\nLayers")
    table = Table(box=None, pad_edge=False)
    for heading in ("layer", "kind", "output"):
        table.add_column(heading, overflow="fold")
    for heading in ("parameters", "multiply-adds"):
        table.add_column(heading, justify="right", overflow="fold")
    for layer in summary.layers:
        name, shape = layer.name or "the network itself", "×".join(map(str, layer.output_shape))
        table.add_row(one_line(name), one_line(layer.kind), shape, f"{layer.parameters:,}", f"{layer.multiply_adds:,}")
    console().print(table)


def _show_blocks(summary: Summary, heading: str) -> None:
    from rich.table import Table

    if not summary.blocks:
        return
    typer.echo(f"\n{heading}")
    table = Table(box=None, pad_edge=False)
    table.add_column("block", overflow="fold")
    for column in ("parameters", "channel attention", "spatial attention", "multiply-adds"):
        table.add_column(column, justify="right", overflow="fold")
    for block in summary.blocks:
        numbers = (block.parameters, block.channel_parameters, block.spatial_parameters, block.multiply_adds)
        table.add_row(one_line(block.name), *(f"{number:,}" for number in numbers))
    console().print(table)


def _show_gates(classifier: Classifier) -> None:
    if classifier.usual is None or not classifier.usual.gates:
        return
    heading = one_line(f"Gates, over {classifier.usual.count:,} images ({classifier.usual.images})")
    typer.echo(f"\n{heading}")
    show_usual(classifier.usual)


def _as_dict(classifier: Classifier, summary: Summary) -> dict[str, Any]:
    return {
        "name": classifier.name,
        "digest": classifier.digest,
        "architecture": classifier.architecture,
        "arguments": dict(classifier.arguments),
        "classes": list(classifier.classes),
        "mean": list(classifier.mean),
        "std": list(classifier.std),
        "input_size": list(classifier.input_size),
        "card": {**classifier.card.as_record(), "test_accuracy": classifier.card.test_accuracy},
        "remarks": [remark.as_dict() for remark in classifier.remarks],
        "parameters": summary.parameters,
        "trainable": summary.trainable,
        "multiply_adds": summary.multiply_adds,
        "cbam": {
            "parameters": summary.cbam_parameters,
            "parameter_share": summary.cbam_parameter_share,
            "multiply_adds": summary.cbam_multiply_adds,
            "multiply_add_share": summary.cbam_multiply_add_share,
        },
        "layers": [asdict(layer) for layer in summary.layers],
        "blocks": [asdict(block) for block in summary.blocks],
        **({"gates": []} if classifier.usual is None else describe_usual(classifier.usual)),
    }
