"""Finds a Chromium for the browser tests, and installs one where there is none: ``python tests/find_chromium.py``.

Prints the path; leaves with status 1 and one sentence on standard error where no browser could be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SHELL = "chromium-headless-shell"
"""Debian's Chromium without windows, which opens pages in three quarters of the time."""

NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find() -> str | None:
    """Path of a browser: ``$CHROME``, else one of the usual names, else the one that Playwright keeps."""
    chosen = os.environ.get("CHROME")
    if chosen:
        return shutil.which(chosen)
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return _own_of_playwright()


def install() -> None:
    """Try Playwright's own download, then Debian's package; `find` tells whether that helped."""
    download = [sys.executable, "-m", "playwright", "install", "chromium"]
    if _succeeds(download) and (path := _own_of_playwright()) and _starts(path):
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        _succeeds(["apt-get", "update", "-q"])
        for package in (SHELL, "chromium"):
            if _succeeds(["apt-get", "install", "-y", "-q", "--no-install-recommends", package]):
                return


def _own_of_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    found = [*_shells_beside(path), path]
    return next((str(one) for one in found if one.exists()), None)


def _shells_beside(chromium: Path) -> list[Path]:
    """Playwright's own Chromium without windows, which it keeps in a folder beside the whole one, newest first."""
    version = next((part.name for part in chromium.parents if part.name.startswith("chromium-")), "")
    folders = [part.parent for part in chromium.parents if part.name == version]
    name = version.replace("chromium-", "chromium_headless_shell-")
    return [path for folder in folders for path in sorted((folder / name).glob("*/*headless*shell"))]


def _starts(path: str) -> bool:
    """Whether a downloaded browser finds its system libraries."""
    return _succeeds([path, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank"])


def _succeeds(command: list[str]) -> bool:
    """Run a command with its output on standard error; False where it fails or hangs."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environment, timeout=900, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main() -> int:
    """Print the path of a browser, installed now if need be; returns the exit status."""
    path = find()
    if path is None and not os.environ.get("CHROME"):
        sys.stderr.write("No Chromium found: installing one for the browser tests.\n")
        install()
        path = find()
    if path is None:
        sys.stderr.write(
            "The browser tests need Chromium, and none could be found or installed: install it (on Debian: "
            "apt-get install chromium), name one with CHROME=/path/to/it, or skip them with CBAM_SKIP_BROWSER=1.\n"
        )
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
