"""Uploads that are refused, by the server or in the browser: the page says why, in its own language, and goes on."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import APP, running
from tests.browser.scenes import NARROW

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """An app that keeps one megabyte of all visitors together."""
    with running(["env", "CBAM_UPLOADS_MEGABYTES=1", *APP], tmp_path_factory.mktemp("full")) as address:
        yield address


@pytest.fixture
def pictures(tmp_path):
    """Two that the server has no room for, and two that it has."""
    files = [tmp_path / name for name in ("large.bmp", "other.bmp", "small.png", "smaller.png")]
    for path, side in zip(files, (800, 700, 80, 70), strict=True):
        Image.new("RGB", (side, side), "teal").save(path)
    return files


@pytest.mark.parametrize(
    ("at", "upload", "said"),
    [("", "Upload", "memory that this server reserves"), ("?lang=zh", "上传", "服务器为上传文件预留的内存")],
    ids=["en", "zh"],
)
def test_the_page_says_why_an_upload_was_refused(tabs, site, pictures, at, upload, said):
    tab = tabs.lend(viewport=NARROW)
    page = tab.page
    page.goto(f"{site}/{at}")
    page.locator("[data-painted]").first.wait_for()
    page.get_by_test_id("stMain").get_by_test_id("stButtonGroup").get_by_text(upload, exact=True).click()
    chooser = page.locator("[data-testid=stFileUploader] input[type=file]")
    large, other, small, smaller = pictures
    chooser.set_input_files(large)
    notice = page.get_by_role("alert").and_(page.locator(".cbam-refused"))
    expect(notice).to_contain_text(said)
    box = notice.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= NARROW["width"]
    page.keyboard.press("Escape")
    expect(notice).to_be_hidden()
    chooser.set_input_files([other, small])
    page.locator(".prediction h2").wait_for()
    expect(notice).to_contain_text(said)
    chooser.set_input_files(smaller)
    expect(notice).to_be_hidden()
    tab.leave()


@pytest.mark.parametrize(
    ("at", "upload", "why", "large"),
    [
        ("", "Upload", "This is not an image that can be opened here", "This file has more than 64 MB"),
        ("?lang=zh", "上传", "这不是此处能打开的图像", "此文件超过 64 MB"),
    ],
    ids=["en", "zh"],
)
def test_files_that_the_browser_refuses_have_our_words_beside_them(tabs, site, tmp_path, at, upload, why, large):
    name = "notes with a long name, all of which can be read.pdf"
    for file, size in ((name, 9), ("phone.HEIC", 9), ("large.png", 65 * 2**20)):
        (tmp_path / file).write_bytes(bytes(size))
    tab = tabs.lend()
    page = tab.page
    page.goto(f"{site}/{at}")
    page.locator("[data-painted]").first.wait_for()
    page.get_by_test_id("stMain").get_by_test_id("stButtonGroup").get_by_text(upload, exact=True).click()
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files([*tmp_path.iterdir()])
    for file, said in ((name, why), ("phone.HEIC", "HEIC"), ("large.png", large)):
        chip = page.locator(f"[data-testid=stFileChip]:has([title='{file}'])")
        expect(chip.get_by_role("alert")).to_contain_text(said)
        assert said in chip.evaluate("chip => getComputedStyle(chip, '::after').content")
        assert chip.locator("[title]").evaluate("name => getComputedStyle(name, '::after').content").count(file)
    page.locator("[data-testid=stFileChip]").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text(re.compile(f"{why}|HEIC|{large}"))
    tab.leave()
