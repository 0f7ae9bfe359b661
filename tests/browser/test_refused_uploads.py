"""An upload that the server has no room for: the page says why, in its own language, and goes on."""

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
