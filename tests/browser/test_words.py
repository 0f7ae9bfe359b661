"""Every word of ours is translated: in a language of marks, no part of any page says anything outside of them."""

import io
import re
from pathlib import Path

import pytest
import skimage
import torch
from playwright.sync_api import expect

from cbam_core import CBAM_CNN
from tests.browser.conftest import PYTHON, running
from tests.browser.resting import rested
from tests.browser.scenes import choose, go_to

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PHOTO = Path(skimage.__file__).parent / "data" / "chelsea.png"
PAINTED = "[data-painted]:not([data-painted='0'])"

# What the page says, each text once, without what stands between marks. Code is no sentence, and left out are parts in
# which Streamlit and Plotly speak.
UNMARKED = """() => {
  const OTHERS = "style, script, noscript, code, pre, head, [data-testid=stIconMaterial], [data-testid=stToolbar], " +
    "[data-testid=stFileUploaderDropzone], [data-testid=stFileUploaderFile], [data-testid=stCameraInput], " +
    "[data-testid=stSkipLink], [data-testid=stAlertDynamicIcon], [data-testid=stDataFrame], .modebar, .numbers tbody";
  const found = [];
  let text = "";
  const bare = (said) => {
    let before;
    do { before = said; said = said.replace(/⟦[^⟦⟧]*⟧/gu, ""); } while (said !== before);
    return said;
  };
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) { text += node.data + "\\n"; return; }
    if (node.nodeType === Node.ELEMENT_NODE) {
      if (node.matches(OTHERS)) return;
      if (node.matches("wbr")) { text = text.replace(/\\n$/, ""); return; } // in the middle of a name
      for (const name of ["aria-label", "title", "alt", "placeholder", "aria-valuetext", "data-said"]) {
        found.push(bare(node.getAttribute(name) ?? ""));
      }
      if (node.shadowRoot) walk(node.shadowRoot);
    }
    for (const child of node.childNodes) walk(child);
  };
  walk(document.querySelector("#root"));
  for (const popover of document.querySelectorAll("[data-baseweb=popover]")) walk(popover);
  found.push(...bare(text).split("\\n"));
  return [...new Set(found.map((said) => said.trim()).filter((said) => /\\p{L}/u.test(said)))];
}"""

NO_WORDS = re.compile(
    r"EN|中文|A|B|A and B"
    r"|(cbam|stage)\d[\w.]*:?(, (cbam|stage)\d[\w.]*)*"  # blocks
    r"|relu|sigmoid"  # functions
    r"|CBAM_\w+|bfloat16"
    r"|[\d.,–−+ ]*(k|M|px|°|x\d+)[\dx]*"  # numbers and sizes
    r"|python .+"  # versions of software
    r"|\d{4}-\d\d-\d\d.*"
    r"|strong|residual|fast|reference|both|sgd|one-cycle|last|best|plateau|muon"  # values of a recipe
    r"|(Selected )?cbam_\w+\.?( .*)?"  # networks
    r"|chelsea\.png|broken\.png"
)

STREAMLITS = {
    "Sidebar", "Navigate to home page", "Logo", "Collapse sidebar", "App pages", "Choose an option", "Open",
    "Copy to clipboard", "Skip to main content", "Help for", "Close", "Clear value", "Press Enter to apply",
}  # fmt: skip
"""Streamlit's own words stay English."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of the app in the language of marks."""
    command = [*PYTHON, str(Path(__file__).with_name("marked_app.py")), "app", "--port", "0"]
    with running(command, tmp_path_factory.mktemp("marked")) as address:
        yield address


@pytest.fixture(scope="module")
def page(tabs, address):
    """A page of the app in the language of marks, which the tests share: from each, the others are reached."""
    tab = tabs.lend(viewport={"width": 1440, "height": 1200}, permissions=["clipboard-write"])
    tab.page.goto(address)
    tab.page.get_by_text("⟦Network⟧").first.wait_for()
    yield tab.page
    tab.leave()


def left_over(page):
    """What is said outside of marks once the page is still."""
    rested(page)
    page.locator("[data-testid=stSkeleton]").first.wait_for(state="detached")
    said = page.evaluate(UNMARKED)
    return [text for text in said if text not in STREAMLITS and not NO_WORDS.fullmatch(text)]


def test_inspect_of_a_sample(page):
    go_to(page)
    page.wait_for_selector(PAINTED)
    assert "⟦Truth: ⟦cat⟧. The network is right.⟧" in page.locator(".verdict").inner_text()
    page.get_by_test_id("stMain").get_by_text("⟦Download⟧").click()
    page.get_by_text("⟦Raw values (.npz)⟧").wait_for()
    assert left_over(page) == []
    close_menu(page)


def close_menu(page):
    page.keyboard.press("Escape")
    page.get_by_test_id("stPopoverBody").wait_for(state="detached")


def test_inspect_of_uploads_good_and_bad_and_of_other_sources(page):
    go_to(page)
    for source in ("⟦Test set⟧", "⟦Camera⟧"):
        choose(page, source)
        assert left_over(page) == []
    choose(page, "⟦Upload⟧")
    files = page.locator(".st-key-source-upload input[type=file]")
    files.set_input_files(str(PHOTO))
    page.locator(".prediction .photo").wait_for()
    assert left_over(page) == []
    files.set_input_files({"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.locator(".st-key-source-upload").get_by_test_id("stDataFrame").wait_for()
    assert left_over(page) == []


def test_compare(page):
    go_to(page, "compare")
    for mode in ("⟦Two images⟧", "⟦Two networks⟧", "⟦Two classes⟧"):
        choose(page, mode)
        page.get_by_test_id("stPlotlyChart").or_(page.locator(".cbam-maps")).first.wait_for()
        assert left_over(page) == [], mode


def test_model(page):
    go_to(page, "model")
    page.locator(".numbers").nth(1).wait_for()
    assert left_over(page) == []


def test_training(page):
    go_to(page, "training")
    page.locator(".cbam-player").wait_for()
    page.locator(".recipe").wait_for()
    assert left_over(page) == []


def test_the_own_checkpoint(page):
    page.get_by_text("⟦Own checkpoint⟧").click()
    page.get_by_text("⟦Drop a checkpoint here, or choose a file⟧").wait_for()
    page.locator(".st-key-own-file-0 input[type=file]").set_input_files(
        {"name": "broken.pth", "mimeType": "application/octet-stream", "buffer": b"no checkpoint"}
    )
    menu = page.get_by_test_id("stPopoverBody")
    refused = menu.get_by_text("broken.pth was not accepted")
    refused.wait_for()
    assert [text for text in left_over(page) if "broken" not in text] == []
    chooser = page.locator(".st-key-own-file-1 input[type=file]")
    chooser.set_input_files({"name": "broken.txt", "mimeType": "text/plain", "buffer": b"no checkpoint"})
    expect(menu.get_by_test_id("stFileChip").get_by_role("alert")).to_contain_text("This is not a network")
    expect(refused).to_be_hidden()
    assert [text for text in left_over(page) if "broken" not in text] == []
    close_menu(page)


def test_an_own_network_of_numbered_classes(page):
    """The last one: the network stays for the visit."""
    file = io.BytesIO()
    torch.save(CBAM_CNN(num_classes=5).state_dict(), file)
    go_to(page)
    choose(page, "⟦Samples⟧")
    rested(page)
    page.get_by_text("⟦Own checkpoint⟧").click()
    page.get_by_test_id("stPopoverBody").locator("input[type=file]").set_input_files(
        {"name": "cbam_own.pth", "mimeType": "application/octet-stream", "buffer": file.getvalue()}
    )
    page.get_by_text("⟦Truth: ⟦cat⟧. The network does not know this class.⟧").wait_for()
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    expect(page.get_by_text("⟦Loaded: cbam_own⟧")).to_be_visible()
    assert left_over(page) == []
    go_to(page, "model")
    page.locator(".numbers").nth(1).wait_for()
    assert left_over(page) == []
