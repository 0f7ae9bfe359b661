"""Report: time from `cbam app` to a painted first page in Chromium, and what it is spent on. There is no limit.

A round starts the server anew and opens its page in a fresh browser context, which has cached nothing; Chromium itself
runs already, and the system's file cache is warm after the first round, which does not count. Painted means that
prediction, overlays and bars are drawn and a frame has passed.

    python benchmarks/startup.py [--rounds 5]
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from time import perf_counter

from apparatus.browser import ROOT, WINDOW, chromium, python, serving
from apparatus.turns import asked_rounds, tell
from playwright.sync_api import Browser

SERVER = ROOT / "benchmarks" / "apparatus" / "clocked_start.py"
INTERPRETER = "starting Python"
LOADED, DRAWN = "loading the page", "first result on the page"
PAINTED = "[data-painted]:not([data-painted='0'])"

# Of the page, in milliseconds since its navigation began: when it had loaded. And megabytes that came for it.
LOAD = """
() => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return [entries[0].loadEventEnd / 1000, entries.reduce((sum, entry) => sum + entry.transferSize, 0) / 1e6];
}
"""

Parts = dict[str, float]


def started_and_seen(browser: Browser) -> tuple[Parts, Parts, float]:
    """One start: seconds of the server's parts, seconds of the page's parts, and megabytes of the page."""
    with serving(python(SERVER)) as server:
        spent: Parts = json.loads(server.output.readline())
        parts = {INTERPRETER: server.seconds - sum(spent.values()), **spent}
        context = browser.new_context(viewport=WINDOW)
        page = context.new_page()
        opened = perf_counter()
        page.goto(server.address, wait_until="commit")
        page.wait_for_selector(PAINTED, timeout=120_000)
        page.wait_for_selector(".prediction[data-shown]")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        seconds = perf_counter() - opened
        loaded, megabytes = page.evaluate(LOAD)
        context.close()
    return parts, {LOADED: loaded, DRAWN: seconds - loaded}, megabytes


def middle(rounds: Sequence[Parts]) -> Parts:
    """Median of each part, seconds, the largest first."""
    names = dict.fromkeys(name for parts in rounds for name in parts)
    medians = {name: round(statistics.median(parts.get(name, 0.0) for parts in rounds), 2) for name in names}
    return dict(sorted(medians.items(), key=lambda item: -item[1]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    rounds = asked_rounds(__doc__, 5, arguments)
    with chromium() as browser:
        seen = [started_and_seen(browser) for _ in range(rounds + 1)][1:]
    servers, pages, megabytes = zip(*seen, strict=True)
    server, page = (statistics.median(sum(parts.values()) for parts in side) for side in (servers, pages))
    total = statistics.median(sum(a.values()) + sum(b.values()) for a, b, _ in seen)
    parts = {"server": middle(servers), "page": middle(pages)}
    (first, most), (second, next_most) = list(parts["server"].items())[:2]
    return tell(
        "startup",
        {
            "rounds": rounds,
            "seconds": {"total": round(total, 2), "server": round(server, 2), "page": round(page, 2)},
            "parts": parts,
            "page_megabytes": round(statistics.median(megabytes), 2),
        },
        f"{total:.1f} s to a painted first page: {server:.1f} s until the server is ready (most of it {first}, "
        f"{most:.1f} s, and {second}, {next_most:.1f} s), then {page:.1f} s until the page is painted",
        holds=True,
    )


if __name__ == "__main__":
    sys.exit(main())
