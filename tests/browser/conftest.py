"""A real Chromium for the browser tests; without one they fail, unless CBAM_SKIP_BROWSER=1 skips them."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from tests.browser.visiting import forget, visiting
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
        forget(browser)
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
