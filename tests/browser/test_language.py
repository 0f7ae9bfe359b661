"""The language as a visitor chooses it: by the browser, the switch and the link; what was chosen before stays."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.shell.framework_words import SELECTORS
from cbam_core import explain, load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation.contents import as_png
from cbam_core.results.look import Look
from tests.browser.resting import rested
from tests.browser.scenes import NARROW
from tests.browser.visiting import visiting

pytestmark = pytest.mark.browser

FIRST_CAT = 31  # the sample that the page opens with
VERDICT = ".st-key-source-sample .verdict"
PAINTED = ".st-key-source-sample [data-painted]:not([data-painted='0'])"


def switch(page, name):
    page.get_by_test_id("stSidebar").get_by_text(name, exact=True).click()


def chosen(page):
    return page.locator('.st-key-source-sample [role=option][aria-selected="true"]')


@pytest.fixture(scope="module")
def visitors(tabs, site):
    """Two at once, whose browsers ask for Chinese and for English."""
    with visiting(tabs, site) as visit:
        yield visit(locale="zh-CN"), visit(locale="en-US")


@pytest.fixture
def chinese(visitors):
    return visitors[0]


@pytest.fixture
def english(visitors):
    return visitors[1]


def test_two_visitors_at_once_read_the_languages_of_their_browsers(chinese, english):
    english.locator(VERDICT, has_text="Truth: cat").wait_for()
    chinese.locator(VERDICT, has_text="真实类别：猫").wait_for()
    for page, language, heading in ((chinese, "zh", "查看"), (english, "en", "Inspect")):
        page.wait_for_function("language => document.documentElement.lang === language", arg=language)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert "lang=" not in page.url
    chinese.get_by_test_id("stMainMenu").get_by_role("button").click()
    drawn = {
        name: chinese.locator(selector).evaluate("part => getComputedStyle(part, '::after').content")
        for name, selector in SELECTORS.items()
        if name
        not in ("take", "clear", "apply", "apply_lines")  # there only with a camera, or in a field that was changed
    }
    assert all(re.search("[\u4e00-\u9fff]", content) for content in drawn.values()), drawn
    chinese.keyboard.press("Escape")
    for page, words in ((chinese, "真实类别：狗"), (english, "Truth: dog")):
        page.locator('.st-key-source-sample [role=option][data-class="dog"]').first.click()
        page.locator(VERDICT, has_text=words).wait_for()


def test_the_switch_changes_every_word_and_keeps_what_was_chosen(english):
    page = english
    page.locator(PAINTED).wait_for()
    page.locator('.st-key-source-sample [role=option][data-class="dog"]').first.click()
    page.locator(VERDICT, has_text="Truth: dog").wait_for()
    switch(page, "中文")
    page.locator(VERDICT, has_text="真实类别：狗").wait_for()
    page.get_by_text("不透明度").wait_for()
    expect(chosen(page)).to_have_attribute("title", re.compile("^狗，"))
    page.wait_for_url("**lang=zh**")
    switch(page, "EN")
    page.locator(VERDICT, has_text="Truth: dog").wait_for()
    expect(chosen(page)).to_have_attribute("title", re.compile("^dog, "))


def test_a_figure_is_in_the_language_shown(chinese):
    page = chinese
    page.locator(PAINTED).wait_for()
    page.locator(f'.st-key-source-sample [role=option][data-index="{FIRST_CAT}"]').click()
    rested(page)
    page.get_by_test_id("stMain").get_by_text("下载", exact=True).click()
    with page.expect_download() as download:
        page.get_by_text("图（.png）").click()
    shown = np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())).convert("RGB"))
    explanation = explain(load_classifier("cbam_cnn_cifar10"), sample_sheet().images[FIRST_CAT])
    english = as_png(explanation, look=Look(reading="relative"))  # as Inspect opens
    plain = np.asarray(Image.open(io.BytesIO(english)).convert("RGB"))
    assert shown.shape[1] == plain.shape[1]
    rows = min(len(shown), len(plain))
    assert 0.001 < np.mean(shown[:rows] != plain[:rows]) < 0.2  # the letters, not the pictures


def test_the_link_keeps_the_language_from_page_to_page_and_in_another_browser(chinese, visit):
    """The last one with this page: it is in English."""
    page = chinese
    page.get_by_role("heading", name="查看").wait_for()
    switch(page, "EN")
    page.get_by_role("heading", name="Inspect").wait_for()
    page.locator('[data-testid=stSidebarNavLink][href$="/model"]').click()
    page.get_by_role("heading", name="Model", exact=True).wait_for()
    page.wait_for_url("**/model?*lang=en*")
    other = visit(at="model?lang=zh", fresh=True)
    other.get_by_role("heading", name="模型", exact=True).wait_for()


@pytest.mark.parametrize("name", ["", "compare"])
def test_what_stands_beside_a_short_title_of_a_narrow_window_is_not_below_the_header(visit, name):
    page = visit(at=f"{name}?lang=zh", viewport=NARROW)
    beside = page.get_by_test_id("stMain").get_by_test_id("stButtonGroup").first
    beside.wait_for()
    rested(page)
    title, header = page.get_by_test_id("stMain").locator("h1"), page.locator(".stAppHeader")
    assert beside.bounding_box()["y"] < title.bounding_box()["y"] + title.bounding_box()["height"]
    assert beside.bounding_box()["y"] >= header.bounding_box()["y"] + header.bounding_box()["height"]
