"""Reports and outputs of a notebook in a real browser: opened from a disk, they work, and load nothing."""

import json
from dataclasses import replace

import pytest

from cbam_core.report import Entry, Report, gallery_html, output_html, report_html
from tests.browser.canvas import PAINTED
from tests.browser.viewer.page import press
from tests.plain_explanations import explained
from tests.report.test_page import HOSTILE, hostile

pytestmark = pytest.mark.browser

EVIL = "".join(HOSTILE)
HOST = "<!doctype html><meta charset=utf-8><title>host</title>"
STRICT = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">"
)
"""The policy of a host that forbids what it can, as far as outputs of a notebook can work at all."""


@pytest.fixture
def opened(tabs_alone, tmp_path):
    """Opens text as a file; at the end nothing may have complained or gone out."""
    left, trouble = [], []

    def open_one(text, **how):
        tab = tabs_alone.lend(**how)
        left.append(tab)
        file = tmp_path / f"page{len(left)}.html"
        file.write_text(text, encoding="utf-8")
        tab.listen("console", lambda message: trouble.append(message.text))
        tab.listen("pageerror", lambda error: trouble.append(str(error)))
        tab.listen("dialog", lambda dialog: trouble.append("a script of somebody else ran") or dialog.dismiss())
        quiet = (file.as_uri(), "data:", "about:srcdoc")
        tab.listen("request", lambda request: request.url.startswith(quiet) or trouble.append(request.url))
        tab.page.goto(file.as_uri())
        return tab.page

    yield open_one
    for tab in left:
        tab.leave()
    assert trouble == []


def rows(page):
    return [text.strip() for text in page.locator(".index .file").all_text_contents()]


def test_a_report_of_many_images_is_searched_and_walked_through_by_keys(opened):
    names = ["right.png", "unsure.png", "worst.png", EVIL]
    chances = [0.7, 0.4, 0.9, 0.5]
    truths = ["frog", "cat", "dog", None]
    entries = []
    for seed, (name, chance, truth) in enumerate(zip(names, chances, truths, strict=True)):
        one = explained(seed=seed)
        one.probabilities[:] = ((1 - chance) / 2, (1 - chance) / 2, chance)
        entries.append(Entry(hostile(one, EVIL) if name == EVIL else one, name, truth))
    page = opened(report_html(Report(tuple(entries), title=EVIL)))
    page.wait_for_selector(PAINTED)
    assert rows(page)[:3] == ["worst.png", "unsure.png", "right.png"]
    assert page.locator(".detail h2").inner_text() == "frog 90.0\xa0%"
    assert page.locator(".detail .wrong").inner_text() == "true class: dog, 5.0\xa0% · wrong"
    assert page.locator(".index li").first.locator("canvas").count() == 2
    page.keyboard.press("ArrowDown")
    assert page.locator(".detail .file").inner_text() == "unsure.png"
    assert page.url.endswith("#2")
    page.get_by_label("Which images").select_option("right")
    assert rows(page) == ["right.png"]
    page.get_by_label("Which images").select_option("all")
    page.get_by_label("Search names and classes").fill("worst")
    assert rows(page) == ["worst.png"]
    assert page.locator(".shown").inner_text() == "1 of 4 images"
    page.locator(".index a").click()
    assert page.locator(".detail h2").inner_text() == "frog 90.0\xa0%"
    page.get_by_label("Search names and classes").fill("nothing is called so")
    assert page.locator(".shown").inner_text() == "No image matches."
    page.get_by_label("Search names and classes").fill("")
    page.get_by_label("Order", exact=True).select_option("unsure")
    assert rows(page)[0] == "unsure.png"
    assert page.locator("h1").inner_text() == " ".join(EVIL.split())


def test_settings_of_the_viewer_stay_from_image_to_image(opened):
    page = opened(report_html(Report((Entry(explained()), Entry(explained(seed=1))))))
    page.wait_for_selector(PAINTED)
    press(page, "as they are")
    low = page.locator(".range").first.inner_text()
    page.locator(".index a").nth(1).click()
    page.wait_for_function("low => document.querySelector('.range').innerText !== low", arg=low)
    assert page.get_by_role("radio", name="as they are").is_checked()


def test_outputs_of_a_notebook_fit_and_follow_their_host(opened):
    outputs = [output_html(explained()), output_html(hostile(explained(seed=1), EVIL))]
    outputs.append(gallery_html([explained(), explained(seed=1)], ["a.png", EVIL]))
    page = opened(f'{HOST}{STRICT}<body style="background: #123; color: #eee">{"".join(outputs)}')
    frames = page.frames[1:]
    assert len(frames) == 3
    for frame in frames:
        frame.wait_for_selector(PAINTED)
        assert frame.evaluate("document.documentElement.className") == "dark"
        assert frame.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 34, 51)"
        page.wait_for_function(
            """() => [...document.querySelectorAll("iframe")].every((frame) => {
              const { height } = frame.contentDocument.body.getBoundingClientRect();
              return height > 300 && Math.abs(frame.clientHeight - height) <= 1;
            })"""
        )
    assert page.locator("[data-replaced]").is_hidden()
    assert page.locator("table").first.is_visible()
    frames[0].locator("input[type=range]").fill("10")
    assert frames[1].locator(".percent").inner_text() == "50\xa0%"
    page.evaluate("document.body.style.cssText = 'background: white; color: black'")
    frames[0].wait_for_selector(":root.light")


def test_a_frame_that_may_not_see_its_host_shows_the_viewer_too(opened):
    inner = json.dumps(HOST + output_html(explained())).replace("<", "\\u003c")
    page = opened(
        f"{HOST}<iframe sandbox='allow-scripts' width=1000 height=900></iframe>"
        f"<script>document.querySelector('iframe').srcdoc = {inner}</script>"
    )
    page.wait_for_function("() => window.frames[0].frames.length === 1")
    assert page.frames[-1].wait_for_selector(PAINTED)


def test_without_scripts_everything_is_shown_that_needs_none(opened):
    entries = (Entry(explained(), "a.png", "frog"), Entry(replace(explained(seed=1)), "b.png", "cat"))
    page = opened(report_html(Report(entries[:1])), java_script_enabled=False)
    assert page.get_by_text("8×8 cells").is_visible()
    assert page.get_by_text("The viewer needs scripts, which are off here.").is_visible()
    page = opened(report_html(Report(entries)), java_script_enabled=False)
    assert rows(page) == ["b.png", "a.png"]
    assert page.locator(".index img").first.is_visible()
