"""Uploads that are refused, by the server or in the browser: the page says why, in its own language, and goes on."""

import os
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import UPLOADS
from tests.browser.resting import rested
from tests.browser.scenes import NARROW, choose

pytestmark = pytest.mark.browser


@pytest.fixture
def pictures(tmp_path):
    """Two that the server has no room for, and two that it has."""
    files = [tmp_path / name for name in ("large.bmp", "other.bmp", "small.png", "smaller.png")]
    for path, side in zip(files, (2500, 2400, 80, 70), strict=True):
        Image.new("RGB", (side, side), "teal").save(path)
    assert all(path.stat().st_size > UPLOADS * 2**20 for path in files[:2])
    return files


SAID = {
    "en": {
        "upload": "Upload",
        "full": "memory that this server reserves",
        "kind": "This is not an image that can be opened here",
        "large": "This file has more than 64 MB",
    },
    "zh": {
        "upload": "上传",
        "full": "服务器为上传文件预留的内存",
        "kind": "这不是此处能打开的图像",
        "large": "此文件超过 64 MB",
    },
}


@pytest.fixture(scope="module", params=SAID)
def words(request):
    """What the page says, in one of its languages."""
    return {**SAID[request.param], "at": f"?lang={request.param}"}


@pytest.fixture(scope="module")
def page(tabs, site, words):
    """Where images are uploaded, in that language."""
    tab = tabs.lend()
    tab.page.goto(f"{site}/{words['at']}")
    tab.page.locator("[data-painted]").first.wait_for()
    choose(tab.page, words["upload"])
    tab.page.locator(CHOOSER).wait_for(state="attached")
    yield rested(tab.page)
    tab.leave()


CHOOSER = "[data-testid=stFileUploader] input[type=file]"


def test_files_that_the_browser_refuses_have_our_words_beside_them(page, words, tmp_path):
    name = "notes with a long name, all of which can be read.pdf"
    for file, size in ((name, 9), ("phone.HEIC", 9), ("large.png", 65 * 2**20)):
        (tmp_path / file).touch()
        os.truncate(tmp_path / file, size)
    page.locator(CHOOSER).set_input_files([*tmp_path.iterdir()])
    for file, said in ((name, words["kind"]), ("phone.HEIC", "HEIC"), ("large.png", words["large"])):
        chip = page.locator(f"[data-testid=stFileChip]:has([title='{file}'])")
        expect(chip.get_by_role("alert")).to_contain_text(said)
        assert said in chip.evaluate("chip => getComputedStyle(chip, '::after').content")
        assert chip.locator("[title]").evaluate("name => getComputedStyle(name, '::after').content").count(file)
    page.locator("[data-testid=stFileChip]").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text(re.compile(f"{words['kind']}|HEIC|{words['large']}"))


def test_the_page_says_why_an_upload_was_refused(page, words, pictures):
    page.set_viewport_size(NARROW)
    chooser = page.locator(CHOOSER)
    large, other, small, smaller = pictures
    chooser.set_input_files(large)
    notice = page.get_by_role("alert").and_(page.locator(".cbam-refused"))
    expect(notice).to_contain_text(words["full"])
    box = notice.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= NARROW["width"]
    page.keyboard.press("Escape")
    expect(notice).to_be_hidden()
    chooser.set_input_files([other, small])
    page.locator(".prediction h2").wait_for()
    expect(notice).to_contain_text(words["full"])
    chooser.set_input_files(smaller)
    expect(notice).to_be_hidden()
