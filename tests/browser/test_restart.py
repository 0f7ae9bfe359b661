"""A page that stays open while the server is started anew: what is lost is said, and the rest is kept."""

import random
import socket
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import expect

from tests.browser.canvas import PAINTED
from tests.browser.conftest import APP, running
from tests.browser.resting import answered
from tests.browser.scenes import PHOTO
from tests.browser.tabs import PATIENCE

pytestmark = pytest.mark.browser

AT = "?network=cbam_resnet_cifar10&block=stage2.0.cbam"
NOTICE = ".st-key-lost-notice"


@contextmanager
def served(folder, port):
    folder.mkdir()
    with running([*APP[:-1], str(port)], folder) as address:
        yield address


def port_to_keep():
    """A free port that the system gives to nobody who asks for any: while the server is away, no other takes it."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError("all ports are taken")


def upload(page):
    page.locator(".st-key-source-upload input[type=file]").set_input_files(str(PHOTO))
    page.locator(".facts .caption", has_text=PHOTO.name).wait_for()
    answered(page)


def test_an_open_page_says_that_its_upload_is_lost_and_keeps_the_rest(chromium, tmp_path):
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    port = port_to_keep()
    with served(tmp_path / "first", port) as address:
        page.goto(f"{address}/{AT}")
        page.wait_for_selector(PAINTED)
        page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
        upload(page)
    with served(tmp_path / "second", port):
        expect(page.locator(NOTICE)).to_contain_text("it no longer has what you uploaded")
        expect(page.locator(".facts .caption")).to_have_count(0)
        answered(page)
        chosen = page.get_by_test_id("stButtonGroup").locator("[data-selected]")
        expect(chosen.filter(has_text="Upload")).to_have_count(1)
        expect(page.get_by_test_id("stFileChip")).to_have_count(0)
        upload(page)
        expect(page.locator(NOTICE)).to_be_hidden()
        expect(page).to_have_url(f"{address}/{AT}")
    page.close()
