"""Claim: on Inspect, click to painted takes at most 0.35 of what a page of PNG overlays and Plotly bars takes.

Both pages run on the same server code (options, `gc.freeze`, one torch thread), show the same results at the same
sizes, and are measured in turn in one Chromium, from the click on a thumbnail until three overlays and three charts
have changed and a frame has been drawn.

    python benchmarks/click_to_painted.py [--rounds 40]
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

LIMIT = 0.35
HERE = Path(__file__).parent
START = "from pathlib import Path; from app.launch import serve; serve(port=0, script=Path({script!r}))"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

# Clicks a thumbnail and resolves with the milliseconds until `changed()` holds and two frames have passed.
MEASURE = """
async ([index, kind]) => {
  const deep = (selector) => {
    const found = [...document.querySelectorAll(selector)];
    for (const host of document.querySelectorAll("*"))
      if (host.shadowRoot) found.push(...host.shadowRoot.querySelectorAll(selector));
    return found;
  };
  const state = kind === "inspect"
    ? () => [deep("[data-painted]")[0].dataset.painted, deep(".prediction")[0].dataset.shown]
    : () => [
        ...deep("[data-testid=stImage] img").map((image) => (image.complete && image.naturalWidth ? image.src : "")),
        ...deep(".js-plotly-plot").map((plot) =>
          [...plot.querySelectorAll(".bars path")].map((p) => p.getAttribute("d")).join()),
      ];
  const before = state();
  const changed = () => {
    const now = state();
    return now.length === before.length && now.every((value, i) => value && value !== before[i]);
  };
  const frame = () => new Promise(requestAnimationFrame);
  const started = performance.now();
  deep(`.tile[data-index="${index}"]`)[0].click();
  while (!changed()) {
    await frame();
    if (performance.now() - started > 20000) throw new Error("nothing was painted within 20 s");
  }
  await frame();
  return performance.now() - started;
}
"""


@contextmanager
def served(script: Path) -> Iterator[str]:
    """The address of a page on our server, in a process of its own."""
    command = [sys.executable, "-c", START.format(script=str(script))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent) as server:
        try:
            assert server.stdout is not None
            yield next(m[1] for line in server.stdout if (m := re.search(r"ready at (http://\S+)", line)))
        finally:
            server.terminate()


def opened(page: Page, address: str, ready: str) -> Page:
    """The page, once everything of its first result is there."""
    page.goto(address)
    page.wait_for_selector(ready)
    page.wait_for_timeout(1500)
    return page


def main() -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    main_script, reference_script = HERE.parent / "app" / "main.py", HERE / "pages" / "reference.py"
    times: dict[str, list[float]] = {"inspect": [], "reference": []}
    with served(main_script) as inspect, served(reference_script) as reference, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        size = {"width": 1440, "height": 900}
        pages = {
            "inspect": opened(browser.new_page(viewport=size), inspect, "[data-painted]:not([data-painted='0'])"),
            "reference": opened(browser.new_page(viewport=size), reference, ".js-plotly-plot .bars path"),
        }
        for turn in range(rounds + 3):
            for kind, page in pages.items():
                page.bring_to_front()
                taken = page.evaluate(MEASURE, [str(turn % 30), kind])
                if turn >= 3:  # the first ones warm caches up
                    times[kind].append(taken)
                page.wait_for_timeout(150)
        browser.close()
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    ratio = medians["inspect"] / medians["reference"]
    result = {"claim": "click_to_painted", "ratio": round(ratio, 3), "limit": LIMIT, "rounds": rounds}
    print(json.dumps({**result, "milliseconds": {kind: round(value, 1) for kind, value in medians.items()}}))
    print(f"Inspect {medians['inspect']:.0f} ms, reference page {medians['reference']:.0f} ms: {ratio:.2f} of its time")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
