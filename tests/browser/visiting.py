"""Visitors of the app: each comes as if for the first time, most in a tab that another has left."""

from contextlib import contextmanager
from urllib.parse import urljoin

USUAL = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", "color_scheme": "light"}
"""Without a GPU, moving parts cost a quarter of the time; those that are ours are tested where they move."""

STILL = "/_stcore/health"
"""A page of the server without a script. On a blank one a tab would lose its process, and what that has compiled."""


def leave_app(page):
    """Ends a visit."""
    page.evaluate("sessionStorage.clear(), localStorage.clear()")
    page.goto(urljoin(page.url, STILL))


@contextmanager
def visiting(tabs, site):
    """Opens the app as new visitors do.

    `visit()` shows the first page; `visit("compare")` goes on by the sidebar, which a narrow window has to unfold
    first; `visit(at="compare")` opens it by its address. Further arguments are those of Playwright's `new_context`;
    with any that an open page cannot take on, the visitor has a browser profile of their own.
    Others come one after the other to the profile that is shared; with `fresh=True`, once nothing is stored there. At
    the end no console may have warned, no script may have failed, and no request may have gone to another host.
    """
    left, trouble = [], []

    def open_one(page_name=None, *, at="", **how):
        tab = tabs.lend(**how)
        left.append(tab)
        page = tab.page
        tab.listen("console", lambda m: m.type in ("error", "warning") and trouble.append(m.text))
        tab.listen("pageerror", lambda error: trouble.append(str(error)))
        tab.listen("request", lambda r: r.url.startswith((site, "data:", "blob:")) or trouble.append(r.url))
        sent = []
        tab.listen("request", lambda r: r.method == "GET" or sent.append(f"{r.method} {r.url}"))
        open_one.opened.append((page, sent))
        page.goto(f"{site}/{at}")
        if page_name:
            if page.viewport_size["width"] < 700:
                page.get_by_test_id("stExpandSidebarButton").click()
            page.locator(f'[data-testid=stSidebarNavLink][href$="/{page_name}"]').click()
        return page

    open_one.opened = []
    yield open_one
    for tab in reversed(left):
        tab.leave()
    assert not trouble, trouble
