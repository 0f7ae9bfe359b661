"""What if: one image, each gate with its usual values in its place, and experiments of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from app.services import what_if
from app.session import links, own_networks
from app.session.words import Words, paragraph, plain_text, say
from app.whatif import link
from app.whatif.answers import with_edits
from app.whatif.blank import offer_blank
from app.whatif.experiment import gate_table
from app.whatif.files import offer_file
from app.whatif.other import Other, other_image
from app.whatif.progress import offer_cancelled_rows, open_found, show_rows_progress, show_search
from app.whatif.state import EXPERIMENT, JUMPED, begin_with, lender_of
from app.whatif.table import Seen, gates_of
from app.widgets.copy_link import copy_link
from app.widgets.evaluate_here import evaluate_here, set_name
from app.widgets.image.address import image_as_parameters, usual_parameters
from app.widgets.image.choosing import choose_image
from app.widgets.image.shown import ShownImage
from app.widgets.prediction import prediction
from app.widgets.waiting import waiting_shown
from cbam_core.errors import CbamError
from cbam_core.evidence.edited import fitting, misfits
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation
from cbam_core.results.gate_edits import GateEdits

if TYPE_CHECKING:
    from app.streamlit_internals import Container

WORDS = Words(
    {
        "title": "What if",
        "about": "In each row one gate has its usual values instead of its own: the mean over {count} images "
        "({images}). An answer that stays does not need what the gate does for this image, but can need its fixed "
        "pattern.",
        "about_share": "The share of test images whose answer changes is that of the scorecard on Model.",
        "no_share": "Which share of the test images changes is known once the network has a scorecard; Model makes it.",
        "need_usual": "Which values are usual for this network is not known, so no gate can be replaced by them yet.",
        "no_classes": "This network gives no prediction, so there is no answer that could change. Its gates can be "
        "edited, and later gates follow.",
        "no_gates": "This network has no gates to edit.",
        "too_long": "A link cannot hold so many edits; a file can.",
        "failed": "With these edits the network gives no answer: {reason}.",
        "left_out": "These edits do not fit this network and are left out: {reasons}.",
    }
)


def page(classifier: Classifier, asked: dict[str, Any]) -> None:
    """The page below the sidebar.

    Args:
        classifier: the network.
        asked: what an address asked for that the visitor came by, see `app.session.links.arrive`.
    """
    if asked:
        now, kept = link.edits_of(asked)
        begin_with(now, tuple(kept), lender_of(asked.get("other")))
    open_found(classifier)
    choose_image(classifier, asked, _show, title=WORDS["title"])


def _show(classifier: Classifier, shown: ShownImage) -> None:
    """Draw everything about one image, and write the address."""
    if JUMPED.get():
        JUMPED.forget()
        st.rerun()  # the choice of sources stands outside of what is drawn now
    explanation = shown.result.explanation
    if shown.frame and shown.fitted.fit == "square":
        prediction(
            explanation,
            caption=shown.caption,
            preview=shown.result.preview,
            movable=True,
            brief=True,
            key=shown.frame,
        )
    if not gates_of(explanation):
        st.info(WORDS["no_gates"], icon=":material/info:")
        _write_address(classifier, shown, None)
        return
    other = other_image(classifier, shown)
    with st.container(horizontal=True, horizontal_alignment="right", key=f"whatif-tools-{shown.key}"):
        tools = st.container(horizontal=True, gap="small", width="content")
    show_search(classifier, shown)
    _say_what_lacks(classifier, shown)
    gate_table(classifier, shown, other, _seen(classifier, shown, other))
    _say(classifier)
    _write_address(classifier, shown, other)
    foot = st.container()
    with tools:
        offer_blank(classifier, f"whatif-{shown.key}")
        offer_file(classifier, shown, other)
        _offer_link(classifier, shown, foot)


def _offer_link(classifier: Classifier, shown: ShownImage, foot: Container) -> None:
    """Offer the address, or say why it does not hold all that is on the page."""
    experiment, key = EXPERIMENT.get(), f"whatif-{shown.key}-link"
    possible = shown.link is not None and not own_networks.is_own(classifier)
    if possible and not link.fits(experiment.now, experiment.kept):
        foot.caption(WORDS["too_long"])
    copy_link(possible=possible, zipped=False, query=links.own_query(), below=foot, key=key)


def _seen(classifier: Classifier, shown: ShownImage, other: Other | None) -> Seen:
    """What the table shows; edits that do not fit the network are left out."""
    explanation = shown.result.explanation
    edits = EXPERIMENT.get().now
    with waiting_shown():
        usual = what_if.under_usual(classifier, explanation, own=shown.own)
        work = what_if.usual_work(classifier, explanation)
        is_whole = work is None or len(usual) == work.total
        if work is not None and work.cancelled:
            offer_cancelled_rows(shown)
        elif not is_whole:
            show_rows_progress(classifier, shown, len(usual))
        edited = _edited(classifier, shown, edits, other) if fitting(explanation, edits) else None
    return Seen(explanation, usual, what_if.changes_of(classifier), edited, is_whole=is_whole)


def _edited(classifier: Classifier, shown: ShownImage, edits: GateEdits, other: Other | None) -> Explanation | None:
    """The image with edits; None, and a sentence, where the network does not compute with them."""
    try:
        return with_edits(classifier, shown, edits, other)
    except CbamError as error:
        st.warning(plain_text(WORDS["failed"].format(reason=say(error))), icon=":material/warning:")
        return None


def _say_what_lacks(classifier: Classifier, shown: ShownImage) -> None:
    """What the table cannot show of this network, and what would help."""
    if reasons := misfits(shown.result.explanation, EXPERIMENT.get().now):
        said = "; ".join(say(reason) for reason in reasons[:3])
        st.info(plain_text(WORDS["left_out"].format(reasons=said)), icon=":material/info:")
    if not classifier.classes:
        st.info(WORDS["no_classes"], icon=":material/info:")
    if classifier.usual is None or not classifier.usual.gates:
        evaluate_here(classifier, key="whatif", why=WORDS["need_usual"])


def _say(classifier: Classifier) -> None:
    """What the table shows."""
    usual = classifier.usual
    if usual is not None and usual.gates:
        said = WORDS["about"].format(count=f"{usual.count:,}", images=set_name(usual.images))
        scored = WORDS["about_share" if what_if.changes_of(classifier) else "no_share"]
        st.caption(plain_text(paragraph(said, scored)))


def _write_address(classifier: Classifier, shown: ShownImage, other: Other | None) -> None:
    experiment = EXPERIMENT.get()
    borrows = any(edit.source == "other" for edits in (experiment.now, *experiment.kept) for edit in edits.values())
    named = None if other is None else other.link
    links.write(
        {**usual_parameters(shown), "other": named},
        network=links.network_of(classifier),
        **image_as_parameters(shown),
        other=named if borrows or experiment.other is not None else None,
        **link.edits_as_parameters(experiment.now, experiment.kept),
    )
