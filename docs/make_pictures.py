"""Takes pictures of pages of the running app, in both languages and themes: ``make pictures``.

The app is started on a free port, driven in Chromium, and stopped; pictures go to ``docs/pictures``. Those in another
language than English have its code in their names. ``--language zh`` takes the pictures of one language alone.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
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
PAGES = {"inspect": PAINTED, "compare": ".cbam-maps", "model": ".numbers", "training": ".cbam-player " + PAINTED}
"""By their addresses: what is there once a page has been drawn."""
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}
"""And what a browser of that language calls it."""
SCHEMES = ("light", "dark")
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


def visit(browser: Browser, address: str, name: str, size: dict[str, int], scheme: str, language: str = "en") -> Page:
    """A new visitor's page, painted and at rest."""
    page = browser.new_page(
        viewport=size,
        color_scheme=scheme,
        locale=LANGUAGES[language],
        device_scale_factor=2 if size == PHONE else 1,
    )
    page.goto(address if name == "inspect" else f"{address}/{name}")
    page.locator(PAGES[name]).first.wait_for(timeout=90_000)
    page.locator('[data-testid=stApp][data-test-script-state="notRunning"]').wait_for(timeout=90_000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=90_000)
    page.wait_for_timeout(2500)
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


def every_page(browser: Browser, address: str, languages: Sequence[str]) -> None:
    """Each page in each language, light and dark."""
    for language in languages:
        for name in PAGES:
            for scheme in SCHEMES:
                page = visit(browser, address, name, WIDE, scheme, language)
                take(page, f"{name}-{scheme}" if language == "en" else f"{name}-{scheme}.{language}")
                page.close()


def main(languages: Sequence[str]) -> None:
    """Take all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        every_page(browser, address, languages)
        if "en" in languages:
            page = visit(browser, address, "inspect", WIDE, "light")
            upload(page)
            take(page, "inspect-upload")
            take(visit(browser, address, "inspect", PHONE, "light"), "inspect-phone")
        browser.close()


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--language", choices=LANGUAGES, action="append", help="of one language alone")
    main(asked.parse_args().language or [*LANGUAGES])
