"""How far work in the background is: a bar while it goes on, its error, and the page anew when it is over."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.session.background import Work
from app.widgets.progress import counts_of, share_of
from cbam_core.errors import CbamError


def page(work, cancelled, is_fault):
    import streamlit as st

    from app.widgets.progress import counts_of, show_progress

    st.text("drawn")
    show_progress(
        lambda: work,
        lambda work: "{done} of {total}".format(**counts_of(work)),
        lambda: cancelled.append(work),
        key="made",
        remark="What is done is kept.",
        is_fault=is_fault,
    )


def visit(work, *, is_fault=True):
    cancelled = []
    return AppTest.from_function(page, args=(work, cancelled, is_fault)).run(), cancelled


def test_work_that_goes_on_has_a_bar_and_a_button_that_ends_it():
    work = Work(2000)
    work.done = 500
    app, cancelled = visit(work)
    (bar,) = app.get("progress")
    assert (bar.proto.value, bar.proto.text) == (25, "500 of 2,000")
    button = app.button(key="made-cancel")
    assert (button.label, button.help) == ("Cancel", "What is done is kept.")
    button.click().run()
    assert cancelled == [work]


@pytest.mark.parametrize(("is_fault", "kind"), [(True, "error"), (False, "info")])
def test_work_that_failed_says_why_and_can_be_forgotten(is_fault, kind):
    work = Work(10)
    work.error = CbamError("test.failed", "a *gate* is missing")
    app, cancelled = visit(work, is_fault=is_fault)
    (said,) = app.get(kind)
    assert said.value == (r"A \*gate\* is missing." if is_fault else r"a \*gate\* is missing")
    assert not app.get("progress")
    app.button(key="made-again").click().run()
    assert cancelled == [work]


def test_parts_and_shares_are_written_as_pages_write_numbers():
    work = Work(3000)
    work.done = 1200
    assert (share_of(work), counts_of(work)) == (40, {"done": "1,200", "total": "3,000"})
    work.done = 3100  # images that were counted twice do not go beyond the end
    assert share_of(work) == 100
