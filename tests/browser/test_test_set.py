"""A test set that was fetched: filters that say what is shown, and means over it, which take a while."""

import re
from pathlib import Path

import pytest
import torch
from playwright.sync_api import expect

from cbam_core import CBAM_CNN
from tests.browser.app_with_test_set import CALLED, COUNT, HURRY
from tests.browser.conftest import PYTHON, running
from tests.browser.resting import rested
from tests.browser.scenes import compare_classes

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the app has its test set, and looks for a reason to hurry."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def site(folder):
    program = Path(__file__).with_name("app_with_test_set.py")
    with running([*PYTHON, str(program), str(folder), "app", "--port", "0"], folder) as address:
        yield address


def done(page):
    """How many images the progress bar says."""
    words = page.get_by_text(re.compile(rf"^[\d,]+ of {COUNT:,} test images processed$"))
    return int(words.inner_text().partition(" ")[0].replace(",", ""))


def test_means_over_the_test_set_can_be_ended_and_gone_on_with(visit, folder):
    page = compare_classes(visit(at="compare"))
    whole = page.get_by_text(f"Test set ({COUNT:,})", exact=True)
    whole.click()
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    cancel.wait_for()
    page.get_by_text(re.compile(rf"^[1-9][\d,]* of {COUNT:,} test images")).wait_for()
    before = done(page)
    cancel.click()
    page.get_by_text(re.compile("Means over the ten bundled test images")).wait_for()
    expect(cancel).to_have_count(0)
    whole.click()
    cancel.wait_for()
    assert done(page) >= before
    (folder / HURRY).touch()
    page.get_by_text(re.compile(rf"Means over all test images of each class \(n = {COUNT // 10}\)")).wait_for()
    expect(cancel).to_have_count(0)
    page.locator(".js-plotly-plot").nth(2).wait_for()
    assert (folder / CALLED).exists(), "the means are computed in another way than the one that is slowed down"


def test_a_number_that_a_filter_hides_leaves_the_filter(visit):
    page = visit(at="?image=test-31")
    filters = page.get_by_role("combobox", name=re.compile("Class"))
    page.get_by_text(f"Images 1 to 100 of {COUNT:,}").wait_for()
    rested(page)  # the bundled images are hidden last
    filters.click()
    page.get_by_role("option", name="dog", exact=True).click()
    page.get_by_text(f"of {COUNT // 10}").wait_for()
    number = page.get_by_role("spinbutton", name="Number")
    expect(number).not_to_have_value("31")
    number.fill("42")
    number.press("Enter")
    page.get_by_text(f"Images 1 to 100 of {COUNT:,}").wait_for()
    expect(page.get_by_role("spinbutton", name="Number")).to_have_value("42")
    expect(filters).to_have_value("any class")
    page.wait_for_url(re.compile("image=test-42"))
    page.locator('[data-testid=stSidebarNavLink][href$="/compare"]').click()
    page.wait_for_url(re.compile("/compare"))
    page.locator("[data-testid=stSidebarNavLink]").first.click()
    page.get_by_role("spinbutton", name="Number").wait_for()
    expect(page.get_by_role("spinbutton", name="Number")).to_have_value("42")


@pytest.fixture
def weights(tmp_path):
    """A file of weights as somebody else's program leaves it."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        torch.save(CBAM_CNN().state_dict(), tmp_path / "theirs.pth")
    return tmp_path / "theirs.pth"


def test_an_uploaded_network_is_evaluated_and_the_filters_come_by_themselves(visit, weights):
    page = visit(at="?image=test-31")
    page.get_by_text(f"Images 1 to 100 of {COUNT:,}").wait_for()
    page.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").click()
    page.get_by_test_id("stPopoverBody").locator("input[type=file]").set_input_files(str(weights))
    begin = page.get_by_role("button", name="Evaluate here")
    begin.click()
    wrong = page.get_by_test_id("stButtonGroup").get_by_text("wrong", exact=True)
    wrong.wait_for()
    expect(begin).to_have_count(0)
    wrong.click()
    expect(page.get_by_text(f"Images 1 to 100 of {COUNT:,}")).to_have_count(0)
    page.locator('[data-testid=stSidebarNavLink][href$="/model"]').click()
    page.get_by_text(re.compile(f"of {COUNT:,} images of the test set are classified correctly")).wait_for()
