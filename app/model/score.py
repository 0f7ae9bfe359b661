"""Which gates of a network matter for its answers: the receipt, a table of verdicts, and a way to make them here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from functools import partial

import streamlit as st

from app import services
from app.services.prediction import percent
from app.session import own_networks
from app.session.words import Words, paragraph, plain_text, say
from app.widgets.duration import duration
from app.widgets.evaluate_here import set_name
from app.widgets.failures import say_last_failure
from app.widgets.left_out import say_left_out
from app.widgets.progress import share_of, show_progress
from cbam_core.network import Classifier
from cbam_core.results.paired import VERDICT_WORDS
from cbam_core.results.receipt import Receipt
from cbam_core.results.score import EDITS, GateFacts, Score
from cbam_core.results.score_rows import Row
from cbam_core.results.score_words import GROUP_WORDS, signed

WORDS = Words(
    {
        "title": "Which gates matter for the answers",
        "offer": "About {time} of this server, in the background: each gate is replaced by something else for {count} "
        "images ({images}), and the answers that change are counted. {kept}",
        "for_visit": "Kept for your visit.",
        "for_all": "Kept for all visitors.",
        "begin": "Score here",
        "progress": "{percent} %",
        "about": "In each row, a gate has its usual values for every image instead of its own: what is lost is what "
        "following the image is worth. Over {count} images ({images}), of which {accuracy} % are answered correctly; "
        "usual over {usual_count} images ({usual}). Intervals are of paired answers (Bonett and Price), and thresholds "
        "were fixed beforehand: matters below −{margin} points, nothing seen within ±{margin}.",
        "receipt": "Receipt",
        "holds": "holds",
        "fails": "does not hold",
        "negative": "{kept} of {gates} gates replaced by themselves leave every bit of the output ({few} images), and "
        "all together change {changed} of {count} answers.",
        "positive": "With all gates 0 everywhere, accuracy is {accuracy} %.",
        "joint": "All gates with their usual values change accuracy by {joint} points; the effects of single gates add "
        "up to {single}.",
        "random": "Random changes of the same size: {gates}.",
        "by_loss": "There the loss changes by {loss} ({low} to {high}): edits reach the answers, but no loss of more "
        "than 0.5 points is certain. There are too few images, or the network hardly uses its gates, as where blocks "
        "were inserted gradually.",
        "no_effect": "Even with all gates 0, neither accuracy nor loss changes with certainty: there are too few "
        "images, or the answers do not pass the gates.",
        "no_table": "The table is not shown, because it would say nothing without its receipt.",
        "enough": "About {count} images would do.",
        "gate": "Gate",
        "points": "Points",
        "says": "With its usual values",
        "twin": "trained without: {points} ± {reach} points ({pairs} pairs, recipe {recipe})",
        "through": "Switched through, above 0.95 everywhere: {gates}.",
        "others": "Other replacements",
        "about_others": "Change of accuracy in percentage points. Off multiplies by 1 and so changes the size of all "
        "features, which later layers never met: a large loss there says little. Direct: usual values, while later "
        "gates stay as they were. Random: changes of the size of those to the usual values.",
        "more": "What the gates do over these images",
        "mean": "Mean",
        "deviation": "Deviation",
        "saturated": "Saturated",
        "between": "Between classes",
        "about_more": "Saturated: below 0.05 or above 0.95. Between classes: share of the variance over images that "
        "the class explains.",
    }
)

EDIT_WORDS = Words(
    {
        "usual": "usual",
        "best": "best constant",
        "own_mean": "own mean",
        "other": "other image",
        "same_class": "same class",
        "off": "off",
        "direct": "direct",
        "random": "random",
    }
)

GROUPS = Words(GROUP_WORDS)

VERDICTS = Words(VERDICT_WORDS)

_STYLE = """<style>
.score { container-type: inline-size; font-size: 0.8125rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
.score table { width: 100%; border-collapse: separate; border-spacing: 0; margin: 0; }
.score :is(th, td) { padding: 0.3rem 0.6rem; text-align: left; font-weight: 400; border: 0; vertical-align: top;
  border-bottom: 1px solid rgba(128, 128, 128, 0.18); }
.score thead th { font-weight: 600; border-bottom: 1px solid rgba(128, 128, 128, 0.5); vertical-align: bottom; }
.score :is(.n, tbody th) { white-space: nowrap; }
.score .n { text-align: right; }
.score tr.matters :is(.n, tbody th, b) { font-weight: 600; }
.score tr:is(.nothing, .unsure) td { opacity: 0.75; }
.score ul { margin: 0 0 0.6rem; padding-left: 1.1rem; }
.score .wide { overflow-x: auto; }
.score small { display: block; opacity: 0.8; }
.score li { font-size: inherit; }
.score wbr { display: none; }
@container (max-width: 560px) {
  .score table.says :is(th, td) { padding: 0.3rem 0.3rem; }
  .score table.says tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 4.5rem; }
  .score wbr { display: inline; }
}
</style>"""


def score_panel(classifier: Classifier) -> None:
    """Show the scorecard of a network, how far it is, or the offer to make it; nothing where there can be none."""
    services.take_in_scores()
    score, work, offer = services.score_of(classifier), services.scoring_of(classifier), None
    if score is None and work is None and (offer := services.score_offer(classifier)) is None:
        return
    st.header(WORDS["title"], anchor=False)
    if score is not None:
        score_table(score)
    elif work is not None:
        show_progress(
            partial(services.scoring_of, classifier),
            lambda work: WORDS["progress"].format(percent=share_of(work)),
            partial(services.cancel_scoring, classifier),
            key="score",
        )
    elif offer is not None:
        _offer(classifier, offer)


def _offer(classifier: Classifier, offer: services.Offer) -> None:
    said = WORDS["offer"].format(
        time=duration(max(1.0, offer.seconds)),
        count=f"{offer.count:,}",
        images=set_name(offer.images),
        kept=WORDS["for_visit" if own_networks.is_own(classifier) else "for_all"],
    )
    say_last_failure(services.scoring_failure(classifier))
    with st.container(gap="xsmall"):
        st.button(
            WORDS["begin"],
            icon=":material/play_arrow:",
            key="score-begin",
            on_click=services.begin_scoring,
            args=(classifier,),
        )
        st.caption(plain_text(said))


def score_table(score: Score) -> None:
    """Show a scorecard: the receipt, and the table only if it holds."""
    receipt = score.receipt
    st.html(f'{_STYLE}<div class="score">{_receipt(receipt, score)}</div>')
    say_left_out(score.left_out, score.count)
    if not receipt.holds:
        why = [WORDS["no_effect"], WORDS["no_table"]] if receipt.negative_holds else [WORDS["no_table"]]
        if receipt.negative_holds and (enough := receipt.enough) is not None:
            why.append(WORDS["enough"].format(count=f"{enough:,}"))
        st.markdown(paragraph(*why))
        return
    rows = sorted((row for row in score.rows if row.edit == "usual"), key=lambda row: row.change.points)
    st.html(f'<div class="score">{_verdicts(rows)}</div>')
    through = [gate.name for gate in score.gates if gate.is_through]
    if through:
        st.caption(plain_text(WORDS["through"].format(gates=", ".join(through))))
    said = WORDS["about"].format(
        count=f"{score.count:,}",
        images=set_name(score.images),
        accuracy=f"{score.accuracy:.2f}",
        usual=set_name(score.usual),
        usual_count=f"{score.usual_count:,}",
        margin="0.5",
    )
    st.caption(plain_text(said))
    with st.expander(WORDS["others"]):
        st.html(f'<div class="score"><div class="wide">{_others(score, rows)}</div></div>')
        st.caption(plain_text(WORDS["about_others"]))
    with st.expander(WORDS["more"]):
        st.html(f'<div class="score"><div class="wide">{_facts(score.gates)}</div></div>')
        st.caption(plain_text(WORDS["about_more"]))


def _receipt(receipt: Receipt, score: Score) -> str:
    lines = []
    if receipt.as_is is not None:
        kept, count = receipt.proof.kept, f"{score.count:,}"
        values = {"kept": kept, "gates": receipt.proof.gates, "few": receipt.proof.count, "count": count}
        lines.append(WORDS["negative"].format(changed=receipt.as_is.changed, **values))
    if receipt.closed is not None:
        lines.append(WORDS["positive"].format(accuracy=f"{receipt.closed.accuracy:.2f}"))
    if receipt.control == "loss" and receipt.closed_loss is not None:
        low, high = (signed(end, 4) for end in receipt.closed_loss.interval)
        lines.append(WORDS["by_loss"].format(loss=signed(receipt.closed_loss.difference, 4), low=low, high=high))
    if receipt.joint is not None:
        lines.append(WORDS["joint"].format(joint=signed(receipt.joint.points), single=signed(receipt.single)))
    if receipt.random:
        gates = ", ".join(f"{row.gate} {signed(row.change.points)}" for row in receipt.random)
        lines.append(WORDS["random"].format(gates=gates))
    listed = "".join(f"<li>{_safe(line)}</li>" for line in lines)
    said = WORDS["holds" if receipt.holds else "fails"]
    return f"<b>{_safe(WORDS['receipt'])}: {_safe(said)}</b><ul>{listed}</ul>"


def _verdicts(rows: Sequence[Row]) -> str:
    heads = f'<th scope="col">{_safe(WORDS["gate"])}</th><th scope="col" class="n">{_safe(WORDS["points"])}</th>'
    heads += f'<th scope="col">{_safe(WORDS["says"])}</th>'
    return f'<table class="says"><thead><tr>{heads}</tr></thead><tbody>{"".join(map(_verdict, rows))}</tbody></table>'


def _verdict(row: Row) -> str:
    words = _safe(say(row.sentence))  # it begins with the gate's name, which keeps its small letter
    if row.twin is not None:
        twin = WORDS["twin"].format(
            points=signed(row.twin.points),
            reach=f"{row.twin.reach:.2f}",
            pairs=row.twin.pairs,
            recipe=row.twin.recipe,
        )
        words += f"<small>{_safe(twin)}</small>"
    return (
        f'<tr class="{row.change.verdict}"><th scope="row">{_name(row.gate)}'
        f"<small>{_safe(VERDICTS[row.change.verdict])}</small></th>"
        f'<td class="n">{signed(row.change.points)}</td><td>{words}</td></tr>'
    )


def _others(score: Score, rows: Iterable[Row]) -> str:
    edits = (*EDITS, "direct", "random")
    found = {(row.gate, row.edit): row for row in (*score.rows, *score.direct, *score.random)}
    heads = f'<th scope="col">{_safe(WORDS["gate"])}</th>'
    heads += "".join(f'<th scope="col" class="n">{_safe(EDIT_WORDS[edit])}</th>' for edit in edits)
    lines = []
    for row in rows:
        cells = "".join(f'<td class="n">{_cell(found.get((row.gate, edit)))}</td>' for edit in edits)
        lines.append(f'<tr><th scope="row">{_name(row.gate)}</th>{cells}</tr>')
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    return f'<span title="{_safe(say(row.sentence))}">{signed(row.change.points)}</span>'


def _facts(gates: Iterable[GateFacts]) -> str:
    names = ("mean", "deviation", "saturated", "between")
    heads = f'<th scope="col">{_safe(WORDS["gate"])}</th>'
    heads += "".join(f'<th scope="col" class="n">{_safe(WORDS[name])}</th>' for name in names)
    lines = []
    for gate in gates:
        between = "" if gate.between is None else percent(gate.between, 0)
        values = (f"{gate.mean:.3f}", f"{gate.deviation:.3f}", percent(gate.saturated, 0), between)
        cells = "".join(f'<td class="n">{_safe(value)}</td>' for value in values)
        lines.append(f'<tr><th scope="row">{_name(gate.name)}</th>{cells}</tr>')
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _name(gate: str) -> str:
    if gate in GROUPS:
        return _safe(GROUPS[gate])
    return _safe(gate).replace(".", ".<wbr>")


def _safe(text: str) -> str:
    return html.escape(text)
