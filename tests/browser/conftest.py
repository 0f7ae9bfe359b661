"""A real Chromium for the browser tests; without one they fail, unless CBAM_SKIP_BROWSER=1 skips them."""

import asyncio
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from tests.browser.canvas import PAINTED
from tests.browser.resting import LISTEN, answered
from tests.browser.tabs import ALONE, Tabs, leave_file
from tests.browser.visiting import USUAL, leave_app, visiting
from tests.browser.witness import witness
from tests.find_chromium import find

expect.set_options(timeout=60_000)  # milliseconds: a busy machine draws a whole page late

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--process-per-site",  # a second tab of the app finds its scripts compiled
)


@pytest.fixture(scope="session")
def _browser():
    """Playwright's `Browser`, and the event loop that drives it."""
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
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture(scope="module")
def chromium(_browser):
    """Playwright's `Browser`, one for all modules; to the tests of others no event loop is running."""
    browser, loop = _browser
    asyncio._set_running_loop(loop)
    yield browser
    asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def _tabs(_browser):
    return Tabs(_browser[0], USUAL, leave_app, LISTEN), Tabs(_browser[0], ALONE, leave_file)


@pytest.fixture(scope="module")
def tabs(chromium, _tabs):
    """Tabs for visitors of the app; see `visiting`."""
    return _tabs[0]


@pytest.fixture(scope="module")
def tabs_alone(chromium, _tabs):
    """Tabs for pages that are files, without the app."""
    return _tabs[1]


APP = [str(Path(sys.executable).with_name("cbam")), "app", "--port", "0"]
"""The command that users give."""

PYTHON = ["env", f"PYTHONPATH={Path(__file__).parents[2]}", sys.executable]
"""Runs a script of ours, which may import the app: an installed package has no `app` at its top level."""


_logs = {}
"""Of every server that was started, by its address."""


@contextmanager
def running(command, folder):
    """Address of the app, started by a command in a folder, for as long as it is needed."""
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            for line in server.stdout:
                if found := re.search(r"ready at (http://\S+)", line):
                    _logs[found[1]] = folder / "log"
                    yield found[1]
                    break
            else:
                pytest.fail(f"the app did not start: {(folder / 'log').read_text()}")
        finally:
            server.terminate()
            server.wait(20)
            server.stdout.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Folder of the training runs that the shared app shows; what a module puts there it takes away."""
    return tmp_path_factory.mktemp("runs")


UPLOADS = 16
"""Megabytes that the shared app keeps of all visitors together: more than the tests leave there, but for one file."""


@pytest.fixture(scope="session")
def shared_site(runs, tmp_path_factory):
    """Address of the app, started as users start it, in a folder that has nothing to do with the project."""
    settings = [f"CBAM_RUNS_DIR={runs}", f"CBAM_UPLOADS_MEGABYTES={UPLOADS}"]
    with running(["env", *settings, *APP], tmp_path_factory.mktemp("elsewhere")) as address:
        yield address


@pytest.fixture(scope="module")
def site(shared_site):
    """Address of the app that a module's tests visit; some modules start one of their own."""
    return shared_site


@pytest.fixture
def visit(tabs, site):
    """Opens the app as new visitors do; see `visiting`."""
    with visiting(tabs, site) as open_one:
        open_one.log = _logs.get(site)
        yield open_one


@pytest.fixture
def open_inspect(visit):
    """Opens Inspect, perhaps by an address, and waits until it has come to rest."""

    def open_one(at="", **how):
        page = visit(at=at, **how)
        page.wait_for_selector(PAINTED)
        answered(page)
        return page

    return open_one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and call.when == "call":
        witness(report, item.funcargs.get("visit"))
    return report
