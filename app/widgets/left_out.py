"""Images that a result leaves out, because they cannot be decoded: how many, and the first few by name."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.session.words import plain_text, sentence
from cbam_core.results.left_out import LeftOut, left_out_message


def say_left_out(left_out: Sequence[LeftOut], read: int) -> None:
    """Say which images are left out; nothing where none is.

    Args:
        left_out: images that cannot be decoded.
        read: number of the others.
    """
    if left_out:
        st.caption(plain_text(sentence(left_out_message(left_out, read, folders=False))))
