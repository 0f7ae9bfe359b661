"""A network layer by layer, and what its CBAM blocks add to it, as tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

import streamlit as st

from app.words import Words
from cbam_core.nn.summary import BlockCost, Layer, Summary

WORDS = Words(
    {
        "layer": "Layer",
        "kind": "Kind",
        "shape": "Output",
        "parameters": "Parameters",
        "multiply_adds": "Multiply-adds",
        "block": "Block",
        "channel": "Channel gate",
        "spatial": "Spatial gate",
        "share": "Share of all",
        "whole": "All layers",
        "blocks": "All blocks",
        "network": "Whole network",
        "layers_table": "Layers with output shape, parameters and multiply-adds",
        "blocks_table": "Parameters and multiply-adds of each CBAM block",
        "itself": "the network itself",
    }
)

_STYLE = """<style>
.numbers { overflow: auto; max-height: 27rem; border-bottom: 1px solid rgba(128, 128, 128, 0.25); }
.numbers:focus-visible { outline: 2px solid #2f8fd0; outline-offset: 2px; }
.numbers table { width: 100%; border-collapse: separate; border-spacing: 0; margin: 0; font-size: 0.8125rem;
  line-height: 1.35; font-variant-numeric: tabular-nums; }
.numbers :is(th, td) { padding: 0.28rem 0.6rem; text-align: left; font-weight: 400; white-space: nowrap;
  border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.18); }
.numbers thead th { position: sticky; top: 0; z-index: 1; font-weight: 600;
  background: light-dark(#ffffff, #10171a); border-bottom: 1px solid rgba(128, 128, 128, 0.5); }
.numbers :is(th, td).n { text-align: right; }
.numbers tbody th { white-space: normal; border-left: 3px solid transparent; }
.numbers tr.gate th[scope=row] { border-left-color: #d9730d; }
.numbers tfoot :is(th, td) { position: sticky; bottom: 0; font-weight: 600; border-bottom: 0;
  border-top: 1px solid rgba(128, 128, 128, 0.5); background: light-dark(#ffffff, #10171a); }
.numbers td.bar { background: linear-gradient(to left, rgba(47, 143, 208, 0.28) var(--part), transparent var(--part)); }
@media (max-width: 700px) {
  .numbers :is(th, td) { padding: 0.28rem 0.35rem; font-size: 0.75rem; }
  .numbers tr > :first-child { min-width: 8.5rem; }
}
</style>"""


def layer_table(summary: Summary, *, words: Mapping[str, str] = WORDS) -> None:
    """Show every layer in the order of the forward; those of a CBAM block have an orange edge."""
    inside = tuple(f"{block.name}." for block in summary.blocks if block.name)
    names = {block.name for block in summary.blocks}
    most = max((layer.multiply_adds for layer in summary.layers), default=0)
    body = [
        _layer(layer, layer.name in names or layer.name.startswith(inside), most, words) for layer in summary.layers
    ]
    last = _cells([words["whole"], "", ""], [summary.parameters, summary.multiply_adds])
    headings = [words["layer"], words["kind"], words["shape"]], [words["parameters"], words["multiply_adds"]]
    _table(words["layers_table"], headings, body, [last])


def block_table(summary: Summary, *, words: Mapping[str, str] = WORDS) -> None:
    """Show what each block adds, and all of them together."""
    blocks = BlockCost(
        words["blocks"],
        summary.cbam_parameters,
        sum(block.channel_parameters for block in summary.blocks),
        sum(block.spatial_parameters for block in summary.blocks),
        summary.cbam_multiply_adds,
    )
    headings = [words["block"]], [words["channel"], words["spatial"], words["parameters"], words["share"]]
    headings[1].extend([words["multiply_adds"], words["share"]])
    rows = [f"<tr>{_block(block, summary, words)}</tr>" for block in summary.blocks]
    _table(words["blocks_table"], headings, rows, [_block(blocks, summary, words)])


def _layer(layer: Layer, gate: bool, most: int, words: Mapping[str, str]) -> str:
    shape = "x".join(map(str, layer.output_shape))
    part = 100 * layer.multiply_adds / max(most, 1)
    kind = ' class="gate"' if gate else ""
    return (
        f"<tr{kind}>{_head(layer.name or words['itself'])}<td>{html.escape(layer.kind)}</td>"
        f'<td>{shape}</td><td class="n">{_count(layer.parameters)}</td>'
        f'<td class="n bar" style="--part: {part:.1f}%">{_count(layer.multiply_adds)}</td></tr>'
    )


def _block(block: BlockCost, summary: Summary, words: Mapping[str, str]) -> str:
    parameters, adds = max(summary.parameters, 1), max(summary.multiply_adds, 1)
    said = [f"{number:,}" for number in (block.channel_parameters, block.spatial_parameters, block.parameters)]
    said += [_share(block.parameters / parameters), f"{block.multiply_adds:,}", _share(block.multiply_adds / adds)]
    return _head(block.name or words["itself"]) + "".join(f'<td class="n">{number}</td>' for number in said)


def _cells(names: list[str], numbers: list[int]) -> str:
    first, *others = names
    words = "".join(f"<td>{html.escape(name)}</td>" for name in others)
    return _head(first) + words + "".join(f'<td class="n">{number:,}</td>' for number in numbers)


def _head(name: str) -> str:
    """A long name is broken after a dot or an underscore, where at all."""
    breakable = html.escape(name).replace(".", ".<wbr>").replace("_", "_<wbr>")
    return f'<th scope="row">{breakable}</th>'


def _count(number: int) -> str:
    """Most layers have none of something: a dash is read past more easily than a nought."""
    return f"{number:,}" if number else "–"


def _share(share: float) -> str:
    return f"{100 * share:.2f} %"


def _table(name: str, headings: tuple[list[str], list[str]], body: Iterable[str], foot: Iterable[str]) -> None:
    words = [f'<th scope="col">{html.escape(word)}</th>' for word in headings[0]]
    numbers = [f'<th scope="col" class="n">{html.escape(word)}</th>' for word in headings[1]]
    st.html(
        f'{_STYLE}<div class="numbers" role="region" tabindex="0" aria-label="{html.escape(name)}"><table>'
        f"<thead><tr>{''.join(words + numbers)}</tr></thead><tbody>{''.join(body)}</tbody>"
        f"<tfoot>{''.join(f'<tr>{row}</tr>' for row in foot)}</tfoot></table></div>"
    )
