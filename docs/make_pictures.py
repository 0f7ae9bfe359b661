"""Takes pictures of pages of the running app, in both languages: ``make pictures``.

The app is started on a free port, driven in Chromium, and stopped; pictures that documents show go to
``docs/pictures``. Those in another language than English have its code in their names. ``--language zh`` takes the
pictures of one language alone, ``--all FOLDER`` those of every page in light and dark, to look at them. The picture of
Atlas needs the test images of CIFAR-10 (``cbam data fetch``).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import skimage
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.find_chromium import find  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
CAT = Path(skimage.__file__).parent / "data" / "chelsea.png"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PAINTED = "[data-painted]:not([data-painted='0'])"
PAGES = {
    "inspect": ("", PAINTED),
    "compare": ("compare", ".cbam-maps"),
    "whatif": ("whatif", ".whatif .more"),
    "evidence": ("evidence", ".ev-agree"),
    "atlas": ("atlas?gate=cbam3.channel&entry=17", ".values .row[aria-selected=true]"),
    "model": ("model", ".numbers"),
    "training": ("training", ".cbam-player " + PAINTED),
}
"""The address of each page, and what is there once it has been drawn."""
SHOWN = ("inspect", "compare", "whatif", "evidence", "atlas", "training")
"""Pages whose pictures documents show."""
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}
"""And what a browser of that language calls it."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDE, PROJECTOR, PHONE = (1440, 900), (1280, 800), (390, 844)
"""Windows, in pixels."""


@contextmanager
def running_app() -> Iterator[str]:
    """Yield the address of the app, started as users start it, with an atlas of the test images."""
    cbam = str(Path(sys.executable).with_name("cbam"))
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CBAM_ATLASES": folder}
        subprocess.run([cbam, "atlas", "build", "--set", "cifar10:test"], env=environment, check=True)
        command = [cbam, "app", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
            try:
                assert server.stdout is not None
                yield next(m[1] for line in server.stdout if (m := re.search(r"ready at (http://\S+)", line)))
            finally:
                server.terminate()


@dataclass(frozen=True)
class Visitor:
    """How a visitor's browser looks at the app."""

    browser: Browser
    address: str
    language: str = "en"
    scheme: Literal["light", "dark"] = "light"
    size: tuple[int, int] = WIDE

    def open(self, name: str) -> Page:
        """Open a page, and wait until it is painted and at rest."""
        page = self.browser.new_page(
            viewport={"width": self.size[0], "height": self.size[1]},
            color_scheme=self.scheme,
            locale=LANGUAGES[self.language],
            device_scale_factor=2 if self.size == PHONE else 1,
        )
        path, drawn = PAGES[name]
        page.goto(f"{self.address}/{path}")
        page.locator(drawn).first.wait_for(timeout=90_000)
        page.locator('[data-testid=stApp][data-test-script-state="notRunning"]').wait_for(timeout=90_000)
        page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=90_000)
        page.wait_for_timeout(2500)
        return page


def take(page: Page, path: Path) -> None:
    """Store a picture of the window, and close the page."""
    page.screenshot(path=path)
    page.close()
    print(path)


def upload(page: Page) -> Page:
    """Bring a photo, and frame a part of it."""
    page.get_by_test_id("stMain").get_by_test_id("stButtonGroup").first.locator("button").nth(2).click()
    page.locator("input[type=file]").set_input_files(str(CAT))
    page.locator(".prediction .photo").wait_for()
    page.wait_for_timeout(1500)
    return page


def of_language(language: str) -> str:
    """Return what the names of pictures in a language end with."""
    return ".png" if language == "en" else f".{language}.png"


def shown(browser: Browser, address: str, languages: Sequence[str]) -> None:
    """Take the pictures that documents show."""
    for language in languages:
        ending = of_language(language)
        for name in SHOWN:
            take(Visitor(browser, address, language).open(name), PICTURES / f"{name}{ending}")
        photo = upload(Visitor(browser, address, language, size=PROJECTOR).open("inspect"))
        take(photo, PICTURES / f"inspect-upload{ending}")
    if "en" in languages:
        take(Visitor(browser, address, size=PHONE).open("inspect"), PICTURES / "inspect-phone.png")


def everything(browser: Browser, address: str, languages: Sequence[str], folder: Path) -> None:
    """Take pictures of every page in light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        for name in PAGES:
            for scheme in SCHEMES:
                page = Visitor(browser, address, language, scheme).open(name)
                take(page, folder / f"{name}-{scheme}{of_language(language)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, action="append", help="of one language alone")
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, in light and dark, into this folder")
    asked = parser.parse_args(arguments)
    languages = asked.language or [*LANGUAGES]
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        if asked.all:
            everything(browser, address, languages, asked.all)
        else:
            shown(browser, address, languages)
        browser.close()


if __name__ == "__main__":
    main()
