"""Visitors of the app: each comes as if for the first time, most in a tab that another has left."""

from contextlib import contextmanager
from urllib.parse import urljoin

USUAL = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", "color_scheme": "light"}
"""Without a GPU, moving parts cost a quarter of the time; those that are ours are tested where they move."""

CHANGEABLE = {*USUAL, "permissions"}
"""The arguments of Playwright's `new_context` that an open page can take on."""

STILL = "/_stcore/health"
"""A page of the server without a script. On a blank one a tab would lose its process, and what that has compiled."""


@contextmanager
def visiting(chromium, site):
    """Opens the app as new visitors do.

    `visit()` shows the first page; `visit("compare")` goes on by the sidebar, which a narrow window has to unfold
    first; `visit(at="compare")` opens it by its address. Further arguments are those of Playwright's `new_context`;
    with `apart=True`, and with any that an open page cannot take on, the visitor has a browser profile of their own.
    Others come one after the other to that of the module, in tabs that were used before: there the app's scripts are
    compiled already, which is most of the work of opening a page. At the end no console may have warned, no script
    may have failed, and no request may have gone to another host.
    """
    left, trouble = [], []

    def open_one(page_name=None, *, at="", apart=False, **how):
        tab = _tab_apart(chromium, how) if apart or how.keys() - CHANGEABLE else _profile(chromium).tab(how)
        left.append(tab)
        page = tab.page
        tab.listen("console", lambda m: m.type in ("error", "warning") and trouble.append(m.text))
        tab.listen("pageerror", lambda error: trouble.append(str(error)))
        tab.listen("request", lambda r: r.url.startswith((site, "data:", "blob:")) or trouble.append(r.url))
        page.goto(f"{site}/{at}")
        if page_name:
            if page.viewport_size["width"] < 700:
                page.get_by_test_id("stExpandSidebarButton").click()
            page.locator(f'[data-testid=stSidebarNavLink][href$="/{page_name}"]').click()
        return page

    yield open_one
    for tab in reversed(left):
        tab.leave()
    assert trouble == []


def new_context(chromium, **how):
    """A browser profile of its own, patient with a page's first visitor, who waits for what all later ones share."""
    context = chromium.new_context(**{**USUAL, **how})
    context.set_default_timeout(90_000)
    return context


class _Tab:
    """A page with those who listen to it, and what becomes of it once it is left."""

    def __init__(self, page, then):
        self.page = page
        self._then = then
        self._heard = []

    def listen(self, event, listener):
        self.page.on(event, listener)
        self._heard.append((event, listener))

    def leave(self):
        for event, listener in self._heard:
            self.page.remove_listener(event, listener)
        self._heard.clear()
        self._then(self)


class _Profile:
    """The browser profile that usual visitors share, with the tabs that nobody looks at."""

    def __init__(self, chromium):
        self._context = new_context(chromium)
        self._idle = []

    def tab(self, how):
        how = {**USUAL, **how}
        tab = self._idle.pop() if self._idle else _Tab(self._context.new_page(), self._clear)
        tab.page.set_viewport_size(how["viewport"])
        tab.page.emulate_media(reduced_motion=how["reduced_motion"], color_scheme=how["color_scheme"])
        self._context.grant_permissions(how.get("permissions", []))
        return tab

    def _clear(self, tab):
        tab.page.evaluate("sessionStorage.clear()")
        tab.page.goto(urljoin(tab.page.url, STILL))
        tab.page.mouse.move(0, 0)
        self._context.clear_cookies()
        self._context.clear_permissions()
        self._idle.append(tab)


_profiles = {}


def _profile(chromium):
    if chromium not in _profiles:
        _profiles[chromium] = _Profile(chromium)
    return _profiles[chromium]


def forget(chromium):
    """The browser is about to end."""
    _profiles.pop(chromium, None)


def _tab_apart(chromium, how):
    context = new_context(chromium, **how)
    return _Tab(context.new_page(), lambda tab: context.close())
