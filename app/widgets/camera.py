"""An image from the visitor's own camera, and a sentence where the browser will not hand it out."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from app.session.choices import Choice, Remembered
from app.session.uploads import Upload, note_kept, uploaded
from app.session.words import Words

WORDS = Words(
    {
        "take": "Take a photo",
        "needs_https": "Browsers allow the camera only on pages served over HTTPS or from this machine, and this "
        "page came from {host} without HTTPS. Ask the operator for an address that begins with "
        "https://, or upload an image instead.",
    }
)

WIDTH = 320
"""Of the camera's image, pixels: the result stays in sight beside it."""

_PHOTO: Remembered[Upload | None] = Remembered("camera-photo", lambda: None)


def take_photo() -> Upload | None:
    """Let the visitor take an image; one that was taken stays while they look elsewhere on the site."""
    camera("camera", _keep)
    return _PHOTO.get()


def _keep(photo: Upload | None) -> None:
    _PHOTO.set(photo)
    note_kept("camera", photo is not None)


def camera(key: str, receive: Callable[[Upload | None], None]) -> None:
    """A camera; a sentence where there can be none.

    Args:
        key: of the widget.
        receive: is given every image as it is taken, and None when the visitor clears it.
    """
    if (host := insecure_host(st.context.url)) is not None:
        st.info(WORDS["needs_https"].format(host=host.replace("`", "")), icon=":material/lock_open:")
        return
    st.camera_input(
        WORDS["take"],
        width=WIDTH,
        label_visibility="collapsed",
        key=key,
        on_change=_receive,
        args=(key, receive),
    )


def _receive(key: str, receive: Callable[[Upload | None], None]) -> None:
    given = Choice(key).get()
    if given is None:
        receive(None)
        return
    content = given.getvalue()
    receive(uploaded("camera.jpg", content))


def insecure_host(url: str | None) -> str | None:
    """The host of a page to which browsers hand out no camera; None for one to which they do.

    Args:
        url: of the page, as the browser knows it.
    """
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
    except ValueError:
        return None
    trusted = host == "localhost" or host.endswith(".localhost") or host.startswith("127.") or host == "::1"
    return host if parts.scheme == "http" and host and not trusted else None
