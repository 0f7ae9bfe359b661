"""A real Chromium for the browser tests; without one they fail, unless CBAM_SKIP_BROWSER=1 skips them."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from tests.find_chromium import find

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


_usual = {}  # by browser: the profile of its usual visitors


@pytest.fixture(scope="module")  # a session's would keep an event loop running under every later test
def chromium():
    """Playwright's `Browser`, one a module; tests open contexts of their own."""
    if os.environ.get("CBAM_SKIP_BROWSER") == "1":
        pytest.skip("CBAM_SKIP_BROWSER=1: nothing was checked in a browser")
    found = find()
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        except Error:
            pytest.fail(
                "no Chromium could be started: install chromium, or run 'python -m playwright install "
                "chromium', or set CBAM_SKIP_BROWSER=1 to leave the browser tests out",
                pytrace=False,
            )
        yield browser
        _usual.pop(browser, None)
        browser.close()


APP = [str(Path(sys.executable).with_name("cbam")), "app", "--port", "0"]
"""The command that users give."""

PYTHON = ["env", f"PYTHONPATH={Path(__file__).parents[2]}", sys.executable]
"""Runs a script of ours, which may import the app: an installed package has no `app` at its top level."""


@contextmanager
def running(command, folder):
    """Address of the app, started by a command in a folder, for as long as it is needed."""
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            for line in server.stdout:
                if found := re.search(r"ready at (http://\S+)", line):
                    yield found[1]
                    break
            else:
                pytest.fail(f"the app did not start: {(folder / 'log').read_text()}")
        finally:
            server.terminate()
            server.wait(20)
            server.stdout.close()


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory):
    """Address of the app, started as users start it, in a folder that has nothing to do with the project."""
    with running(APP, tmp_path_factory.mktemp("elsewhere")) as address:
        yield address


@pytest.fixture(scope="module")
def site(shared_site):
    """Address of the app that a module's tests visit; some modules start one of their own."""
    return shared_site


@pytest.fixture
def visit(chromium, site):
    """Opens the app as new visitors do; see `visiting`."""
    with visiting(chromium, site) as open_one:
        yield open_one


@contextmanager
def visiting(chromium, site):
    """Opens the app as new visitors do.

    `visit()` shows the first page; `visit("compare")` goes on by the sidebar, which a narrow window has to unfold
    first; `visit(at="compare")` opens it by its address. Further arguments are those of Playwright's `new_context`;
    with any of them, and with `apart=True`, the visitor has a browser profile of their own. Others come one after the
    other to that of the module, where the app's scripts need not be read anew. At the end no console may have warned,
    no script may have failed, and no request may have gone to another host.
    """
    left, trouble = [], []

    def open_one(page_name=None, *, at="", apart=False, **how):
        if how or apart:
            context = _new_context(chromium, **how)
            left.append(context)
        else:
            if chromium not in _usual:
                _usual[chromium] = _new_context(chromium)
            context = _usual[chromium]
        page = context.new_page()
        left.append(page)
        page.on("console", lambda m: m.type in ("error", "warning") and trouble.append(m.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda r: r.url.startswith((site, "data:", "blob:")) or trouble.append(r.url))
        page.goto(f"{site}/{at}")
        if page_name:
            if page.viewport_size["width"] < 700:
                page.get_by_test_id("stExpandSidebarButton").click()
            page.locator(f'[data-testid=stSidebarNavLink][href$="/{page_name}"]').click()
        return page

    yield open_one
    for page_or_context in reversed(left):
        page_or_context.close()
    if chromium in _usual:
        _usual[chromium].clear_cookies()
    assert trouble == []


def _new_context(chromium, **how):
    # Without a GPU, moving parts cost a quarter of the time; those that are ours are tested where they move.
    usual = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}
    context = chromium.new_context(**{**usual, **how})
    context.set_default_timeout(90_000)  # a page's first visitor waits for what all later ones share
    return context
