"""``cbam audit``: what the blocks of a network are made of, and where they differ from the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.choosing import JsonOption, Named, open_of_known_size
from cbam_core.cli.output import console, counted, one_line, percent, write_json
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated

if TYPE_CHECKING:
    from cbam_core.results.audit import Audit, BlockAudit


@with_groups
def audit(
    *,
    named: Named,
    repeats: Annotated[
        int, typer.Option("--repeats", metavar="N", min=0, help="Timed runs; 0 to measure no time.")
    ] = 9,
    stated: Stated = UNSTATED,
    as_json: JsonOption = False,
) -> None:
    """Say what each attention block is made of, where it differs from the paper of CBAM, and what it costs.

    Each answer is read off the calls of one forward, or probed: the block runs on made-up maps, which differ in mean or
    maximum alone. What neither shows is listed as unknown. Times are medians: of the forward of one image, and of the
    calls of each block run alone.

    \b
    Examples:
      cbam audit cbam_cnn_cifar10
      cbam audit timm:seresnet18 --json
      cbam audit package.module:factory --weights mine.pth --input-size 64
    """
    from cbam_core.gates.audit import audit_network

    classifier = open_of_known_size(named.network, stated)
    found = audit_network(classifier.model, classifier.input_size, name=classifier.name, repeats=repeats)
    if as_json:
        write_json(found.as_dict())
    else:
        show_audit(found)


def show_audit(found: Audit) -> None:
    """Write an audit: blocks that are made alike together."""
    width, height = found.input_size
    time = "" if found.milliseconds is None else f", forward {found.milliseconds:.1f} ms (median of {found.repeats})"
    typer.echo(f"{one_line(found.network)}, {width}×{height}: {counted(len(found.blocks), 'block')}{time}")
    if found.why_none is not None:
        typer.echo(one_line(found.why_none))
    for blocks in found.groups:
        _show_group(blocks, found)
    console().file.flush()


def _show_group(blocks: tuple[BlockAudit, ...], found: Audit) -> None:
    from cbam_core.results.audit import ORDER_WORDS, STYLE_WORDS

    first = blocks[0]
    others = f" and {len(blocks) - 1} more made alike" if len(blocks) > 1 else ""
    typer.echo(f"\n{one_line(first.name)}{others}: {STYLE_WORDS[first.style]}; {ORDER_WORDS[first.order]}")
    for block in blocks:
        typer.echo(f"  {one_line(block.name)}: {_cost(block, found)}")
    _show_facts(first)
    deviations = [str(one) for one in first.deviations]
    for sentence in deviations or ["As the paper describes it."] * first.is_plain:
        typer.echo(f"  - {one_line(sentence)}")
    for message in first.unknown:
        typer.echo(f"  ? {one_line(str(message))}")


def _cost(block: BlockAudit, found: Audit) -> str:
    hidden = "".join(f" / {gate.hidden} hidden units" for gate in block.gates if gate.hidden)
    said = f"{block.gates[0].channels} channels{hidden}, {block.parameters:,} parameters, "
    said += f"{block.multiply_adds:,} multiply-adds"
    if block.milliseconds is None:
        return said
    share = f", {percent(block.milliseconds / found.milliseconds, 1)} of the forward" if found.milliseconds else ""
    return f"{said}, {block.milliseconds:.2f} ms alone{share}"


def _show_facts(block: BlockAudit) -> None:
    from rich.table import Table

    from cbam_core.results.audit import FACT_WORDS, HOW_WORDS, VALUE_WORDS, facts_of

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for gate in block.gates:
        name = gate.name.rpartition(".")[2]
        for key, value, how in facts_of(gate):
            said = ", ".join(VALUE_WORDS.get(word, word) for word in value.split(", "))
            table.add_row(f"  {one_line(name)}", FACT_WORDS[key], one_line(said), f"({HOW_WORDS[how]})")
            name = ""
    console().print(table)
