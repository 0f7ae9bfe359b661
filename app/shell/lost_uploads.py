"""One line where a page that stayed open showed uploads that the server does not have any more.

A server that was started anew, or that forgot a visit without a connection, meets the page as a new visitor. What the
address says is shown again; uploads have none. The browser knows that there were some, see ``upload_words.js``.
"""

from __future__ import annotations

import streamlit as st

from app.session.choices import Remembered
from app.session.words import Words
from app.widgets.image.state import SOURCE
from app.widgets.uploads import forget_given

WORDS = Words(
    {
        "lost": "The server was restarted, or had no connection to this page for too long: it no longer has what you "
        "uploaded. Upload it again.",
    }
)

_PAGE: Remembered[str | None] = Remembered("uploads-lost-on", lambda: None)
# The page on which the visitor lost uploads; None where nothing was lost.


def take_loss(source: object, page: str) -> None:
    """Note that uploads were lost, and return to where images of one's own are given, if the visitor was there.

    Args:
        source: where the page's image came from, as the browser says; not trusted.
        page: the page's folder.
    """
    if source is None:  # the end of a trigger
        return
    _PAGE.set(page)
    forget_given()
    if source in ("upload", "camera"):
        SOURCE.set(source)


def say_loss(page: str) -> None:
    """Say what was lost, until the visitor goes to another page; page.css hides it once there is an upload again.

    Args:
        page: the folder of the page that is drawn.
    """
    if _PAGE.get() is None:
        return
    if _PAGE.get() != page:
        _PAGE.forget()
        return
    with st.container(key="lost-notice"):
        st.warning(WORDS["lost"], icon=":material/restart_alt:")
