"""Every page: axe-core finds nothing serious, Tab reaches all controls in order, and narrow windows need no scrolling.

No exception is made for Streamlit's own parts.
"""

import json
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import expect

from tests.browser.keyboard import CONTROLS, STOP, walk
from tests.browser.resting import rested
from tests.browser.scenes import NARROW, SCENES, TWICE_ENLARGED, inspect_a_drawing, inspect_a_sample, leave
from tests.browser.visiting import USUAL, visiting

pytestmark = pytest.mark.browser

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
GRAVE = {"serious", "critical"}

# Pictures and charts that say nothing to those who do not see them.
WORDLESS = """() => {
  const found = [];
  const named = (element) =>
    ["aria-label", "alt"].some((name) => element.getAttribute(name)?.trim()) ||
    element.getAttribute("alt") === "" || element.closest("[aria-hidden=true]");
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      const seen = element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 0;
      if (!seen || !element.matches("canvas, img, [role=img]") || named(element)) continue;
      found.push(element.outerHTML.slice(0, 200));
    }
  };
  walk(document);
  for (const chart of document.querySelectorAll("[data-testid=stPlotlyChart]")) {
    const said = chart.getAttribute("aria-label") ?? "";
    if (said.length < 40 || !/[0-9]/.test(said)) found.push(`chart: ${said}`);
  }
  return found;
}"""


# Rules that find nothing grave are left out. Results that are no violations are not listed.
RUN = """async ([rules, grave]) => {
  const slight = axe._audit.rules.filter(({ impact }) => impact && !grave.includes(impact)).map(({ id }) => id);
  const without = Object.fromEntries(slight.map((id) => [id, { enabled: false }]));
  const chosen = rules.length ? { runOnly: rules } : { rules: without };
  return (await axe.run(document, { resultTypes: ["violations"], ...chosen })).violations;
}"""


def findings(page, rules=()):
    """What axe-core takes exception to, gravely, as lines of rule, place and reason."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = []
    for violation in page.evaluate(RUN, [list(rules), list(GRAVE)]):
        for node in violation["nodes"]:
            place = " ".join(part if isinstance(part, str) else " >>> ".join(part) for part in node["target"])
            if violation["impact"] in GRAVE:
                found.append(f"{violation['id']} at {place}: {node['failureSummary']} {node['html'][:200]}")
    return found


WHITE = ("background-color", "rgb(255, 255, 255)")


@pytest.fixture(scope="module")
def page(tabs, site):
    """A page that goes through all scenes, for opening it takes longer than the tests do."""
    with visiting(tabs, site) as visit:
        yield visit()


@pytest.fixture(scope="module", params=SCENES)
def shown(request, page):
    """The page as one of the scenes leaves it, in the colours of the one before."""
    yield SCENES[request.param](page)
    page.set_viewport_size(USUAL["viewport"])
    leave(page)


def scheme(page):
    """Which colours the system has chosen."""
    return "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"


def check_background(page, scheme):
    app = expect(page.get_by_test_id("stApp"))
    app.to_have_css(*WHITE) if scheme == "light" else app.not_to_have_css(*WHITE)


def test_axe_has_no_serious_finding_and_pictures_have_words(shown):
    check_background(shown, scheme(shown))
    assert findings(shown) == []
    assert shown.evaluate(WORDLESS) == []


def test_axe_has_no_serious_finding_when_the_system_turns_dark_or_light(shown):
    other = {"light": "dark", "dark": "light"}[scheme(shown)]
    shown.emulate_media(color_scheme=other)
    check_background(shown, other)
    rested(shown)
    assert findings(shown, rules=["color-contrast"]) == []  # all that the colours can change
    assert shown.evaluate(WORDLESS) == []


def test_tab_reaches_every_control_in_order_and_shows_where_it_is(shown):
    stops = walk(shown)
    assert [stop["said"] for stop in stops if not stop["seen"]] == []
    found = shown.evaluate(CONTROLS)
    assert found["unreached"] == []
    assert found["order"] == sorted(found["order"])
    assert found["positive"] == 0
    numbers = [stop["number"] for stop in stops]
    assert len(set(numbers)) == len(numbers)
    shown.keyboard.press("Shift+Tab")
    assert shown.evaluate(STOP)["number"] in numbers[-2:], (
        "and back in where it went out"
    )  # a menu has a lock of its own


def test_a_window_made_narrow_or_a_page_enlarged_is_read_without_scrolling_sideways(shown):
    for viewport in (NARROW, TWICE_ENLARGED):
        shown.set_viewport_size(viewport)
        no_wider_than_its_window(shown)


@pytest.fixture(scope="module")
def phone(tabs, site):
    """A page opened on a phone."""
    with visiting(tabs, site) as visit:
        yield visit(at="compare", viewport=NARROW)


@pytest.mark.parametrize("scene", ["compare_networks", "own_checkpoint_menu"])
def test_a_page_opened_on_a_phone_is_read_without_scrolling_sideways(phone, scene):
    no_wider_than_its_window(SCENES[scene](phone))


def no_wider_than_its_window(page):
    rested(page)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.fixture(scope="module")
def dark(tabs, site):
    """A page opened in the dark."""
    with visiting(tabs, site) as visit:
        page = inspect_a_sample(visit(color_scheme="dark"))
        expect(page.get_by_test_id("stApp")).not_to_have_css(*WHITE)
        yield page


def test_axe_has_no_serious_finding_on_a_page_opened_in_the_dark(dark):
    assert findings(dark) == []
    assert dark.evaluate(WORDLESS) == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_drawing_of_a_block_is_a_dialog_that_keeps_the_focus_and_fits_a_phone(dark, scheme):
    dark.set_viewport_size(USUAL["viewport"])
    dark.emulate_media(color_scheme=scheme)
    page = inspect_a_drawing(dark)
    assert findings(page, rules=[] if scheme == "dark" else ["color-contrast"]) == []
    assert page.evaluate(WORDLESS) == []
    dialog = page.get_by_role("dialog")
    for _ in range(4):
        page.keyboard.press("Tab")
        assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    page.set_viewport_size(NARROW)
    no_wider_than_its_window(page)
    assert dialog.evaluate("dialog => dialog.scrollWidth - dialog.clientWidth") <= 0
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


def test_bars_and_what_is_chosen_are_seen_where_the_system_chooses_the_colours(dark):
    dark.set_viewport_size(USUAL["viewport"])
    bar = dark.locator(".prediction tr.first .fill")
    colour = bar.evaluate("bar => getComputedStyle(bar).backgroundColor")
    dark.emulate_media(forced_colors="active")
    expect(bar).to_have_css("background-color", colour)
    expect(dark.locator(".stButtonGroup button[data-selected]").first).to_have_css("outline-style", "solid")
    dark.emulate_media(forced_colors="none")


def test_axe_finds_what_is_wrong_in_shadow_roots(dark):
    """The last one: it spoils the page."""
    dark.set_viewport_size(USUAL["viewport"])
    dark.emulate_media(color_scheme="dark")
    rested(dark)  # what is drawn anew has words again
    spoilt = "canvas => { canvas.setAttribute('role', 'img'); canvas.removeAttribute('aria-label'); }"
    dark.locator("canvas.overlay").first.evaluate(spoilt)
    dark.locator(".prediction h2").evaluate("heading => { heading.style.color = '#444' }")
    rested(dark)
    found = json.dumps(findings(dark))
    assert "role-img-alt" in found
    assert "color-contrast" in found
    assert len(dark.evaluate(WORDLESS)) == 1
