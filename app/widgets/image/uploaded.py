"""Images of any size, fitted to the network's input as the visitor wishes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import services
from app.session import last_image
from app.session.last_image import Picked
from app.session.uploads import Fitted, Upload
from app.widgets.image.address import write_nothing
from app.widgets.image.shown import Batch, Show, ShownImage
from app.widgets.image.state import BLACK, STRETCH, drop_linked_square, frame_key, keep_square, square_of
from app.widgets.readings import WORDS, offered_ways
from app.widgets.uploads import choose_fit, not_left_out, one_by_one, overview, say_all_refused
from app.widgets.waiting import waiting_shown
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.results.explanation import Explanation
from cbam_core.results.frame import Fit


def show_uploads(
    classifier: Classifier, given: Sequence[Upload], show: Show, *, key: str, link: str | None = None
) -> None:
    """Fit images, and show the one that the visitor opens.

    Args:
        classifier: the network.
        given: the images, one or more.
        show: shows one.
        key: what the widgets' keys begin with.
        link: how an address names the only image; None where it cannot.
    """
    fit = choose_fit()
    given = not_left_out(given)
    results, refused = {}, {}
    wait = st.empty()
    for upload in one_by_one(given):
        try:
            with waiting_shown(wait):
                results[upload.digest] = _explained(classifier, upload, fit)
        except CbamError as error:
            refused[upload.digest] = error
    explained = {digest: one.explanation for digest, one in results.items()}
    opened = overview(given, explained, refused) if len(given) > 1 else given[0]
    say_all_refused([(refused[one.digest], one) for one in given if one.digest in refused])
    if opened.digest in refused:
        write_nothing(classifier)
        return
    fitted = _fitted(opened, fit)
    _offer_readings(opened, results[opened.digest].explanation, fitted)
    if fitted.square is not None:
        keep_square(opened, fitted.square)
    last_image.keep(Picked("upload", upload=opened, fitted=fitted))
    read = [one for one in given if one.digest in results]
    how = {one.name: _fitted(one, fit) for one in read}
    batch = Batch({one.name: results[one.digest] for one in read}, {one.name: one.content for one in read}, how)
    show(
        classifier,
        ShownImage(
            results[opened.digest],
            opened.name,
            opened.name,
            link=link,
            fitted=fitted,
            own=True,
            key=key,
            frame=frame_key(opened),
            batch=batch,
        ),
    )


def _explained(classifier: Classifier, upload: Upload, fit: Fit) -> services.ImageResult:
    """An image that the network saw; a part that an address names is left where the image has no such part."""
    try:
        return services.show_upload(classifier, upload, _fitted(upload, fit))
    except CbamError as error:
        if error.code != "fit.square-outside" or not drop_linked_square(upload):
            raise
    return services.show_upload(classifier, upload, _fitted(upload, fit))


def _fitted(upload: Upload, fit: Fit) -> Fitted:
    square = square_of(upload) if fit == "square" else None
    return Fitted(fit, square, stretch=STRETCH.of(upload), ground="black" if BLACK.of(upload) else "white")


def _offer_readings(upload: Upload, explanation: Explanation, fitted: Fitted) -> None:
    """Offer to read an image's values in another way, where that changes something."""
    if ways := offered_ways(explanation, fitted):
        with st.container(horizontal=True, gap="medium"):
            for way in ways:
                {"stretch": STRETCH, "black": BLACK}[way].offer(upload, WORDS[way])
