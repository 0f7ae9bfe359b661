"""Report: how much processor time a rerun of each page takes, of the app as it is installed.

Every click makes Streamlit run the page's script again. Here each page is run by Streamlit's AppTest, in this process,
without a browser and a server, on one thread of torch, with the 100 bundled images and what ships: networks, their
scorecards and their atlases. A page is run until nothing goes on in its background, and then again and again without a
change, in turns with the others. So what is remembered is remembered, and what stays is what every click costs at
least. Processor time is that of an idle core, and the time of AppTest itself is in it.

    python benchmarks/page_reruns.py [--rounds 20] [--quick]

The sentence at the end is the text of this report in docs/measured.md.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from apparatus.pages import MAIN, go_to, wait_for_work
from apparatus.turns import asked_rounds_or_quick, medians, take_turns, tell
from streamlit.components.v2 import manifest_scanner
from streamlit.logger import set_log_level
from streamlit.testing.v1 import AppTest

set_log_level(logging.ERROR)  # that no server runs is said of every cache
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.shell.router import PAGES, WORDS  # noqa: E402

QUICK = ("model", "training")
"""Pages of a short estimate."""

SETTLING = 4
"""Runs of a page before those that count: the later ones draw what came about in the background of the earlier."""


@contextmanager
def as_installed() -> Iterator[None]:
    """Have the app see nothing that this user has fetched, built or set, and one thread of torch.

    Streamlit looks through all installed packages for components when a server starts, and AppTest at each run: that is
    no cost of a page, and is done once.
    """
    kept = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("CBAM_")}
    scan, threads = manifest_scanner.scan_component_manifests, torch.get_num_threads()
    with tempfile.TemporaryDirectory() as empty:
        os.environ |= {name: f"{empty}/{name}" for name in ("CBAM_DATA_DIR", "CBAM_RUNS_DIR", "CBAM_ATLASES")}
        manifest_scanner.scan_component_manifests = functools.cache(scan)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            manifest_scanner.scan_component_manifests = scan
            for name in ("CBAM_DATA_DIR", "CBAM_RUNS_DIR", "CBAM_ATLASES"):
                del os.environ[name]
            os.environ |= kept


def run(app: AppTest) -> None:
    """Run a page once.

    Raises:
        RuntimeError: the page failed.
    """
    app.run()
    if app.exception:
        raise RuntimeError(f"the page failed: {app.exception[0].message}")


def opened(page: str) -> AppTest:
    """Open a page, and run it until nothing is left to do in its background."""
    app = go_to(AppTest.from_file(str(MAIN), default_timeout=300), page)
    for _ in range(SETTLING):
        run(app)
        wait_for_work()
    return app


def rerun_of(app: AppTest) -> Callable[[int], object]:
    """Give what runs a page once more."""
    return lambda _: run(app)


def said(reruns: Mapping[str, float], load: float) -> str:
    """Say what is to be written, slowest page first."""
    order = sorted(reruns, key=lambda page: -reruns[page])
    pages = "; ".join(f"{WORDS.english[page]} {reruns[page]:.0f} ms" for page in order)
    return f"{pages} (medians, in processor time on one thread; load of the machine {load:.1f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    rounds, quick = asked_rounds_or_quick(__doc__, 20, arguments, "two pages alone")
    pages = [page for page in PAGES if not quick or page in QUICK]
    with as_installed():
        visits = {page: rerun_of(opened(page)) for page in pages}
        times = take_turns(visits, rounds, warm_up=1, clock=time.process_time)
    reruns, load = medians(times, 1), os.getloadavg()[0]
    figures = {
        "reruns_ms": reruns,
        "worst_ms": {page: round(1000 * max(seconds), 1) for page, seconds in times.items()},
        "rounds": rounds,
        "load": round(load, 1),
    }
    return tell("page_reruns", figures, said(reruns, load), holds=True)


if __name__ == "__main__":
    sys.exit(main())
