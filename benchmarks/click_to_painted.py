"""Claim: on Inspect, click to painted takes at most 0.35 of what a page of PNG overlays and Plotly bars takes.

Both pages come from one server (its options, `gc.freeze`, one torch thread), show the same results at the same sizes,
and are measured in turn in one Chromium: from the click on a thumbnail until three overlays and three charts show that
picture and a frame has been drawn. Inspect has been sent the results of the bundled pictures ahead, some time after it
first painted; a click paints them and does not wait for the server, whose answer follows. The reference page asks the
server, as pages of Streamlit's own elements do; the explanation itself is remembered by the server for both.

    python benchmarks/click_to_painted.py [--rounds 40]
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import Any

from apparatus.browser import ROOT, WINDOW, chromium, python, serving
from apparatus.turns import asked_rounds, medians, paired_ratio, tell
from playwright.sync_api import Browser, Page

LIMIT = 0.35
WARM_UP = 3
PICTURES = 100
SERVER = ROOT / "benchmarks" / "apparatus" / "serve_both.py"
PAUSE = 150
"""Milliseconds between a picture and the next click: time for the server and the page to come to rest."""

READY = {
    "inspect": "[data-painted]:not([data-painted='0'])",
    "reference": ".js-plotly-plot .bars path",
}
"""What is on each page once it has been drawn."""

FIND = """
const roots = [document];
for (let i = 0; i < roots.length; i += 1)
  for (const element of roots[i].querySelectorAll("*")) if (element.shadowRoot) roots.push(element.shadowRoot);
const find = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);
"""

# Clicks a thumbnail; resolves with the milliseconds until all is changed and a frame has passed.
CLICK = f"""
async ([index, kind]) => {{
  {FIND}
  const drawn = (plot) => {{
    if (plot.drawn === undefined) {{
      plot.drawn = 0;
      plot.on("plotly_afterplot", () => (plot.drawn += 1));
    }}
    return plot.drawn;
  }};
  const state = {{
    inspect: () => [find("[data-painted]")[0].dataset.painted, find(".prediction")[0].dataset.shown],
    reference: () => [
      ...find("[data-testid=stImage] img").map((image) => (image.complete && image.naturalWidth ? image.src : "")),
      ...find(".js-plotly-plot").map((plot) => (plot.data[0].name === index ? String(drawn(plot)) : "")),
    ],
  }}[kind];
  find(".js-plotly-plot").forEach(drawn);
  const before = state();
  const changed = () => {{
    const now = state();
    return now.length === before.length && now.every((value, i) => value && value !== before[i]);
  }};
  const frame = () => new Promise(requestAnimationFrame);
  const started = performance.now();
  find(`.tile[data-index="${{index}}"]`)[0].click();
  while (!changed()) {{
    await frame();
    if (performance.now() - started > 20000) throw new Error("nothing was painted within 20 s");
  }}
  await frame();
  return performance.now() - started;
}}
"""

# Sizes on the page of overlays, and of charts with their titles; and what Inspect's overlays show.
LOOK = f"""
() => {{
  {FIND}
  const box = (element) => element.getBoundingClientRect();
  const size = (element) => [Math.round(box(element).width), Math.round(box(element).height)];
  const titled = (bars) => [
    Math.round(box(bars).width),
    Math.round(box(bars).bottom - box(bars.parentElement.querySelector(".bars-head")).top),
  ];
  return {{
    overlays: find("canvas.overlay, [data-testid=stImage] img").map(size),
    charts: [...find("canvas.bars").map(titled), ...find(".js-plotly-plot").map(size)],
    pixels: find("canvas.overlay").map((canvas) => canvas.toDataURL()),
  }};
}}
"""


def opened(browser: Browser, address: str) -> dict[str, Page]:
    """Both pages, once everything of their first result is there; the reference draws at the sizes of Inspect."""
    pages = {"inspect": _opened(browser, address, "inspect")}
    seen = pages["inspect"].evaluate(LOOK)
    (side, _), (width, height) = seen["overlays"][0], seen["charts"][0]
    sizes = f"page=reference&side={side}&width={width}&height={height}"
    pages["reference"] = _opened(browser, f"{address}/?{sizes}", "reference")
    return pages


def _opened(browser: Browser, address: str, kind: str) -> Page:
    page = browser.new_page(viewport=WINDOW)
    page.goto(address)
    page.wait_for_selector(READY[kind])
    page.wait_for_timeout(1500)
    return page


def check(before: dict[str, Any], after: dict[str, Any], other: dict[str, Any]) -> None:
    """Refuse to compare pages of different sizes, or a viewer that says it has painted and has not."""
    sizes, others = ([look["overlays"], look["charts"]] for look in (after, other))
    if sizes != others or [len(boxes) for boxes in sizes] != [3, 3]:
        raise RuntimeError(f"overlays and charts must have the same sizes: {sizes} and {others}")
    if any(old == new for old, new in zip(before["pixels"], after["pixels"], strict=True)):
        raise RuntimeError("an overlay on Inspect did not change although it was said to be painted")


def race(pages: dict[str, Page], rounds: int) -> dict[str, list[float]]:
    """Seconds from click to painted of both pages, round by round."""
    order = random.Random(0)
    numbers = order.sample(range(PICTURES), PICTURES)
    times: dict[str, list[float]] = {kind: [] for kind in pages}

    def look(kind: str) -> dict[str, Any]:
        seen: dict[str, Any] = pages[kind].evaluate(LOOK)
        return seen

    for turn in range(rounds + WARM_UP):
        half = turn % (PICTURES // 2)
        choice = {"inspect": numbers[half], "reference": numbers[-1 - half]}
        before = look("inspect") if turn < WARM_UP else {}
        for kind in order.sample(list(pages), len(pages)):
            pages[kind].bring_to_front()
            taken = pages[kind].evaluate(CLICK, [str(choice[kind]), kind])
            if turn >= WARM_UP:
                times[kind].append(taken / 1000)
            pages[kind].wait_for_timeout(PAUSE)
        if turn < WARM_UP:
            check(before, look("inspect"), look("reference"))
    return times


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 40, arguments)
    with serving(python(SERVER)) as server, chromium() as browser:
        times = race(opened(browser, server.address), rounds)
    ratio = paired_ratio(times, "inspect", "reference")
    middle = medians(times, 1)
    return tell(
        "click_to_painted",
        {"ratio": round(ratio, 3), "limit": LIMIT, "rounds": rounds, "milliseconds": middle},
        f"Inspect {middle['inspect']:.0f} ms, reference page {middle['reference']:.0f} ms: {ratio:.2f} of its time "
        f"(at most {LIMIT})",
        holds=ratio <= LIMIT,
    )


if __name__ == "__main__":
    sys.exit(main())
