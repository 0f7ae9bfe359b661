"""Takes the pictures of the README from the running app: ``make pictures``.

The app is started on a free port, driven in Chromium, and stopped; pictures go to ``docs/pictures``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import skimage
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.find_chromium import find  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
CAT = Path(skimage.__file__).parent / "data" / "chelsea.png"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PAINTED = "[data-painted]:not([data-painted='0'])"
OTHER_PAGES = ("Compare", "Model", "Training")
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@contextmanager
def running_app() -> Iterator[str]:
    """The address of the app, started as users start it."""
    command = [str(Path(sys.executable).with_name("cbam")), "app", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield next(m[1] for line in server.stdout if (m := re.search(r"ready at (http://\S+)", line)))
        finally:
            server.terminate()


def visit(browser: Browser, address: str, size: dict[str, int], scheme: str) -> Page:
    """A new visitor's page, painted."""
    page = browser.new_page(viewport=size, color_scheme=scheme, device_scale_factor=2 if size == PHONE else 1)
    page.goto(address)
    page.wait_for_selector(PAINTED)
    page.wait_for_timeout(1200)
    return page


def take(page: Page, name: str) -> None:
    """Store a picture of the window."""
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/pictures/{name}.png")


def upload(page: Page) -> None:
    """Bring a photo, and frame a part of it."""
    page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
    page.locator("input[type=file]").set_input_files(str(CAT))
    page.locator(".prediction .photo").wait_for()
    page.wait_for_timeout(1500)


def main() -> None:
    """Take all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        for scheme in ("light", "dark"):
            take(visit(browser, address, WIDE, scheme), f"inspect-{scheme}")
        page = visit(browser, address, WIDE, "light")
        upload(page)
        take(page, "inspect-upload")
        take(visit(browser, address, PHONE, "light"), "inspect-phone")
        for name in OTHER_PAGES:
            page = visit(browser, address, WIDE, "light")
            page.get_by_role("link", name=name, exact=True).click()
            page.get_by_role("heading", name=name, exact=True).wait_for()
            page.wait_for_timeout(4000)
            take(page, name.lower())
        browser.close()


if __name__ == "__main__":
    main()
