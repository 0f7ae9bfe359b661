"""What the blocks of a network are made of, where they differ from the paper, and what they cost."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import streamlit as st

from app import services
from app.session.choices import Remembered
from app.session.words import Words, plain_text, say, sentence
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.audit import (
    FACT_WORDS,
    HOW_WORDS,
    ORDER_WORDS,
    STYLE_WORDS,
    VALUE_WORDS,
    Audit,
    BlockAudit,
    GateAudit,
    facts_of,
)

WORDS = Words(
    {
        "title": "What its blocks are made of",
        "begin": "Look into its blocks",
        "none": "No block with gates was found in this network.",
        "plain": "As the paper describes it.",
        "deviations": "Differs from the paper",
        "unknown": "Cannot be told",
        "block": "Block",
        "hidden": "Channels / hidden units",
        "time": "Time",
        "milliseconds": "{time:.2f} ms",
        "share": "Share of the forward",
        "percent": "{share:.1f} %",
        "costs": "Channels and measured time of each block",
        "about": "The paper is CBAM by Woo and others (2018). Each answer is read off the calls of one forward, or "
        "probed: the block runs on made-up maps that differ in mean or maximum alone. Times are medians of {count} "
        "runs on this server: of each block's own calls alone, beside {time} for the whole forward of one image.",
    }
)

ASKED: Remembered[frozenset[str]] = Remembered("audit-asked", frozenset)
"""Networks of other architectures whose blocks were asked for."""

KIND_WORDS = Words(
    {"channel": "Channel weights", "spatial": "Spatial mask", "full": "Gate for each element", "row": "Gate for rows",
     "column": "Gate for columns"}
)  # fmt: skip
FACTS, VALUES, STYLES = Words(FACT_WORDS), Words(VALUE_WORDS), Words(STYLE_WORDS)
HOW = Words({str(how): said for how, said in HOW_WORDS.items()})
ORDERS = Words({str(order): said for order, said in ORDER_WORDS.items()})

_STYLE = """<style>
.audit { container-type: inline-size; font-size: 0.8125rem; line-height: 1.4; font-variant-numeric: tabular-nums;
  margin-bottom: 1.25rem; }
.audit h4 { font-size: 0.9375rem; font-weight: 600; margin: 0 0 0.1rem; padding: 0; overflow-wrap: anywhere; }
.audit h5 { font-size: 0.8125rem; font-weight: 600; margin: 0.7rem 0 0.2rem; padding: 0; }
.audit p { margin: 0 0 0.4rem; opacity: 0.8; font-size: inherit; }
.audit .gates { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2rem; }
.audit table { width: 100%; border-collapse: separate; border-spacing: 0; margin: 0; }
.audit :is(th, td) { padding: 0.24rem 0.5rem 0.24rem 0; text-align: left; font-weight: 400; border: 0;
  vertical-align: top; border-bottom: 1px solid rgba(128, 128, 128, 0.18); }
.audit tbody th { opacity: 0.8; }
.audit thead th { font-weight: 600; border-bottom: 1px solid rgba(128, 128, 128, 0.5); }
.audit .n { text-align: right; white-space: nowrap; }
.audit .n:last-child { padding-right: 0; }
.audit .how { opacity: 0.65; text-align: right; white-space: nowrap; padding-right: 0; }
.audit ul { margin: 0.2rem 0 0; padding-left: 1.1rem; }
.audit ul li { font-size: 0.8125rem; margin: 0 0 0.1rem; }
.audit .plain { opacity: 1; }
.audit .costs { max-height: 15rem; overflow: auto; margin-top: 0.7rem; }
.audit .costs:focus-visible { outline: 2px solid #2f8fd0; outline-offset: 2px; }
.audit .costs tbody th { opacity: 1; overflow-wrap: anywhere; }
@container (max-width: 640px) {
  .audit .gates { grid-template-columns: 1fr; }
}
</style>"""


def audit_panel(classifier: Classifier) -> None:
    """Show what each block is made of; of a network of another architecture when that is asked for."""
    st.header(WORDS["title"], anchor=False)
    if not classifier.architecture and not _is_asked(classifier):
        return
    try:
        found = services.audit_of(classifier)
    except CbamError as error:
        st.markdown(plain_text(sentence(error)))
        return
    audit_table(found)


def _is_asked(classifier: Classifier) -> bool:
    """Offer to look into blocks of other code, which can be many; what was asked for stays for the visit."""
    key = classifier.digest or classifier.name
    if key in ASKED.get():
        return True
    if st.button(WORDS["begin"], icon=":material/search:", key="audit-begin"):
        ASKED.set(ASKED.get() | {key})
        st.rerun()
    return False


def audit_table(found: Audit) -> None:
    """Show an audit: blocks that are made alike once, with the cost of each."""
    if not found.blocks:
        st.markdown(WORDS["none"])
        return
    st.html(_STYLE + "".join(_group(blocks, found) for blocks in found.groups))
    if found.milliseconds is not None:
        time = WORDS["milliseconds"].format(time=found.milliseconds)
        st.caption(plain_text(WORDS["about"].format(count=found.repeats, time=time)))


def _group(blocks: Sequence[BlockAudit], found: Audit) -> str:
    first = blocks[0]
    names = ", ".join(block.name for block in blocks[:4]) + (", …" if len(blocks) > 4 else "")
    gates = "".join(f"<div>{_gate(gate)}</div>" for gate in first.gates)
    return (
        f'<div class="audit"><h4>{_name(names)}</h4><p>{_safe(STYLES[first.style])}: '
        f"{_safe(ORDERS[first.order])}</p>{_sentences(first)}"
        f'<div class="gates">{gates}</div>{_costs(blocks, found)}</div>'
    )


def _sentences(block: BlockAudit) -> str:
    found = ""
    for key, messages in (("deviations", block.deviations), ("unknown", block.unknown)):
        listed = "".join(f"<li>{_safe(say(message))}</li>" for message in messages)
        found += f"<h5>{_safe(WORDS[key])}</h5><ul>{listed}</ul>" if listed else ""
    return found or (f'<p class="plain">{_safe(WORDS["plain"])}</p>' if block.is_plain else "")


def _gate(gate: GateAudit) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_safe(FACTS[name])}</th><td>{_safe(_value(value))}</td>'
        f'<td class="how">{_safe(HOW[how])}</td></tr>'
        for name, value, how in facts_of(gate)
    )
    return f"<h5>{_safe(KIND_WORDS[gate.kind])}</h5><table><tbody>{rows}</tbody></table>"


def _value(value: str) -> str:
    return ", ".join(VALUES.get(word, word) for word in value.split(", "))


def _costs(blocks: Iterable[BlockAudit], found: Audit) -> str:
    heads = f'<th scope="col">{_safe(WORDS["block"])}</th><th scope="col" class="n">{_safe(WORDS["hidden"])}</th>'
    if found.milliseconds:
        heads += "".join(f'<th scope="col" class="n">{_safe(WORDS[name])}</th>' for name in ("time", "share"))
    rows = "".join(
        f'<tr><th scope="row">{_name(block.name)}</th><td class="n">{_width(block)}</td>{_time(block, found)}</tr>'
        for block in blocks
    )
    label = _safe(WORDS["costs"])
    return (
        f'<div class="costs" role="region" tabindex="0" aria-label="{label}"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _width(block: BlockAudit) -> str:
    hidden = next((gate.hidden for gate in block.gates if gate.hidden), None)
    return f"{block.gates[0].channels}" if hidden is None else f"{block.gates[0].channels} / {hidden}"


def _time(block: BlockAudit, found: Audit) -> str:
    if not found.milliseconds:
        return ""
    if block.milliseconds is None:
        return '<td class="n">–</td><td class="n">–</td>'
    time = WORDS["milliseconds"].format(time=block.milliseconds)
    share = WORDS["percent"].format(share=100 * block.milliseconds / found.milliseconds)
    return f'<td class="n">{_safe(time)}</td><td class="n">{_safe(share)}</td>'


def _name(name: str) -> str:
    return _safe(name).replace(".", ".<wbr>")


def _safe(text: str) -> str:
    return html.escape(text)
