"""Tabs of a browser, lent to one after the other: where a page was open before, its scripts are compiled already."""

CHANGEABLE = {"viewport", "reduced_motion", "color_scheme", "permissions", "locale"}
"""The arguments of Playwright's `new_context` that an open page can take on."""

PATIENCE = 90_000
"""Milliseconds for a page's first visitor, who waits for what all later ones share."""

ALONE = {"viewport": {"width": 1100, "height": 900}, "reduced_motion": "no-preference", "color_scheme": "light"}
"""Of pages that are files, without the app."""


def leave_file(page):
    """Nothing outlives a page that is a file, once another is opened in its place."""


class Tab:
    """A page with those who listen to it, and what becomes of it once it is left."""

    def __init__(self, page, then):
        self.page = page
        self._then = then
        self._heard = []
        self._session = None

    def speak(self, locale):
        """Have the browser ask for a language, until the tab is left."""
        self._session = self.page.context.new_cdp_session(self.page)
        agent = self.page.evaluate("navigator.userAgent")
        self._session.send("Network.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": locale})

    def listen(self, event, listener):
        self.page.on(event, listener)
        self._heard.append((event, listener))

    def leave(self):
        if self._session:
            self._session.detach()
            self._session = None
        for event, listener in self._heard:
            self.page.remove_listener(event, listener)
        self._heard.clear()
        self._then(self)


class Tabs:
    """The browser profile that most tests share.

    Args:
        chromium: Playwright's `Browser`.
        usual: The arguments of `new_context` that hold unless a test gives others: viewport, motion and colours.
        clear: Takes a page that was left, and leaves nothing on it for the next test.
        script: Runs on every page, before the page's own.
    """

    def __init__(self, chromium, usual, clear, script=""):
        self._chromium = chromium
        self._usual = usual
        self._clear = clear
        self._script = script
        self._shared = None
        self._idle = []

    def lend(self, *, fresh=False, **how):
        """A tab to be left at the end; in a profile of its own where no open page could be so.

        Args:
            fresh: in the shared profile, once all is gone that pages stored there.
            how: arguments of `new_context`.
        """
        if how.keys() - CHANGEABLE:
            context = self._new_context(how)
            return Tab(context.new_page(), lambda tab: context.close())
        self._shared = self._shared or self._new_context({})
        if fresh:
            self._shared.clear_cookies()
            for page in self._shared.pages:
                page.evaluate("localStorage.clear()")
        tab = self._idle.pop() if self._idle else Tab(self._shared.new_page(), self._take_back)
        given = {**self._usual, **how}
        tab.page.set_viewport_size(given["viewport"])
        tab.page.emulate_media(reduced_motion=given["reduced_motion"], color_scheme=given["color_scheme"])
        self._shared.grant_permissions(given.get("permissions", []))
        if "locale" in given:
            tab.speak(given["locale"])
        return tab

    def _new_context(self, how):
        context = self._chromium.new_context(**{**self._usual, **how})
        context.set_default_timeout(PATIENCE)
        context.add_init_script(self._script)
        return context

    def _take_back(self, tab):
        self._clear(tab.page)
        self._forget_way(tab.page)
        tab.page.mouse.move(0, 0)
        self._shared.clear_cookies()
        self._shared.clear_permissions()
        self._idle.append(tab)

    def _forget_way(self, page):
        """Leave no steps to go back: after 50 in the history of a tab, Chromium no longer counts them."""
        session = self._shared.new_cdp_session(page)
        session.send("Page.resetNavigationHistory")
        session.detach()
