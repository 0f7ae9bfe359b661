"""What a visitor or the operator can put right, said in one sentence where it happened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from app.session.choices import Remembered
from app.session.scheduling import drawing
from app.session.words import plain_text, sentence
from cbam_core.errors import CbamError

Arguments = ParamSpec("Arguments")


_SAID: Remembered[set[str]] = Remembered("said-failures", set)


def say_failure(error: CbamError) -> None:
    """Say it on the page, and once a visit in the log: a page is drawn again and again."""
    line, said = f"{error.code}: {error}", _SAID.get()
    if line not in said:
        logging.getLogger("cbam_lens").warning("%s", line)
        _SAID.set(said | {line})
    st.error(sentence(error), icon=":material/error:")


def say_last_failure(error: CbamError | None) -> None:
    """Say why work failed the last time, beside what begins it again; nothing where it did not."""
    if error is not None:
        st.error(plain_text(sentence(error)), icon=":material/error:")


def fragment(part: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """A part of a page that runs by itself, as `st.fragment` has it.

    Streamlit takes every error in one for a fault of the program; of ours a sentence is made.
    """

    @wraps(part)
    def said(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            with drawing():
                part(*args, **kwargs)
        except CbamError as error:
            say_failure(error)

    return st.fragment(said)
