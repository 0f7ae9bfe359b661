"""A network layer by layer, and what its CBAM blocks add to it, as tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

import streamlit as st

from app.services.prediction import percent
from app.session.words import Words
from cbam_core.gates.anatomy import BlockCost, Layer, Summary
from cbam_core.results.block_names import modules_of

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
        "share": "Share of total",
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
.numbers small { display: none; font-size: 0.6875rem; font-weight: 400; opacity: 0.8; }
.numbers td.bar { background: linear-gradient(to left, rgba(47, 143, 208, 0.28) var(--part), transparent var(--part)); }
@media (max-width: 700px) {
  .numbers :is(th, td) { padding: 0.28rem 0.3rem; font-size: 0.75rem; }
  .numbers thead th { white-space: normal; vertical-align: bottom; }
  .numbers small { display: block; }
  .numbers .beside { display: none; }
}
</style>"""


def layer_table(summary: Summary, *, words: Mapping[str, str] = WORDS) -> None:
    """Show every layer in the order of the forward; those of a CBAM block have an orange edge."""
    names = {path for block in summary.blocks for path in modules_of(block.name)}
    inside = tuple(f"{path}." for path in names if path)
    most = max((layer.multiply_adds for layer in summary.layers), default=0)
    body = [
        _layer(layer, layer.name in names or layer.name.startswith(inside), most, words) for layer in summary.layers
    ]
    headings = _pair("th", words["layer"], words["kind"]) + _cell("th", words["shape"])
    headings += _cell("th", words["parameters"], "n") + _cell("th", words["multiply_adds"], "n")
    last = _head(words["whole"], "") + _cell("td", "")
    last += _cell("td", f"{summary.parameters:,}", "n") + _cell("td", f"{summary.multiply_adds:,}", "n")
    _table(words["layers_table"], headings, body, last)


def block_table(summary: Summary, *, words: Mapping[str, str] = WORDS) -> None:
    """Show what each block adds, and all of them together."""
    blocks = BlockCost(
        words["blocks"],
        summary.cbam_parameters,
        sum(block.channel_parameters for block in summary.blocks),
        sum(block.spatial_parameters for block in summary.blocks),
        summary.cbam_multiply_adds,
    )
    headings = _cell("th", words["block"]) + "".join(_cell("th", words[gate], "n") for gate in ("channel", "spatial"))
    headings += "".join(_pair("th", words[sort], words["share"], "n") for sort in ("parameters", "multiply_adds"))
    rows = [f"<tr>{_block(block, summary, words)}</tr>" for block in summary.blocks]
    _table(words["blocks_table"], headings, rows, _block(blocks, summary, words))


def _layer(layer: Layer, gate: bool, most: int, words: Mapping[str, str]) -> str:
    part = 100 * layer.multiply_adds / max(most, 1)
    kind = ' class="gate"' if gate else ""
    return (
        f"<tr{kind}>{_head(layer.name or words['itself'], layer.kind)}"
        f"{_cell('td', '×'.join(map(str, layer.output_shape)))}{_cell('td', _count(layer.parameters), 'n')}"
        f'<td class="n bar" style="--part: {part:.1f}%">{_count(layer.multiply_adds)}</td></tr>'
    )


def _block(block: BlockCost, summary: Summary, words: Mapping[str, str]) -> str:
    sizes = (block.parameters, summary.parameters), (block.multiply_adds, summary.multiply_adds)
    gates = (_cell("td", f"{number:,}", "n") for number in (block.channel_parameters, block.spatial_parameters))
    shares = (_pair("td", f"{number:,}", percent(number / max(of, 1), 2), "n") for number, of in sizes)
    return _head(block.name or words["itself"]) + "".join(gates) + "".join(shares)


def _cell(tag: str, said: str, kind: str = "", below: str = "") -> str:
    """A cell; what stands below is seen in a narrow window only."""
    scope = ' scope="col"' if tag == "th" else ""
    classes = f' class="{kind}"' if kind else ""
    small = f"<small>{html.escape(below)}</small>" if below else ""
    return f"<{tag}{scope}{classes}>{html.escape(said)}{small}</{tag}>"


def _pair(tag: str, first: str, second: str, kind: str = "") -> str:
    """Two cells side by side; in a narrow window one, with the second one's words below the first one's."""
    return _cell(tag, first, kind, second) + _cell(tag, second, f"{kind} beside".lstrip())


def _head(name: str, kind: str | None = None) -> str:
    """A long name is broken after a dot or an underscore, where at all; a kind stands beside it, or below."""
    breakable = html.escape(name).replace(".", ".<wbr>").replace("_", "_<wbr>")
    small = f"<small>{html.escape(kind)}</small>" if kind else ""
    return f'<th scope="row">{breakable}{small}</th>' + ("" if kind is None else _cell("td", kind, "beside"))


def _count(number: int) -> str:
    """Most layers have none of something: a dash is read past more easily than a zero."""
    return f"{number:,}" if number else "–"


def _table(name: str, headings: str, body: Iterable[str], foot: str) -> None:
    st.html(
        f'{_STYLE}<div class="numbers" role="region" tabindex="0" aria-label="{html.escape(name)}"><table>'
        f"<thead><tr>{headings}</tr></thead><tbody>{''.join(body)}</tbody>"
        f"<tfoot><tr>{foot}</tr></tfoot></table></div>"
    )
