"""Every page by keyboard alone: Tab reaches all controls in reading order, shows where it is, and comes out again."""

import pytest

from tests.browser.scenes import NARROW, SCENES

pytestmark = pytest.mark.browser

MOST = 200  # stops on one page
RESTING = 80  # milliseconds in which a ring appears

START = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""

# What is focused, across shadow roots; stops keep a number so that Python can tell them apart.
STOP = """() => {
  let stop = document.activeElement;
  while (stop?.shadowRoot?.activeElement) stop = stop.shadowRoot.activeElement;
  if (!stop || stop === document.body || stop === document.documentElement) return null;
  const ringed = (element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  };
  // An input that is drawn by its neighbour or its box shows the ring there.
  let seen = ringed(stop);
  if (stop.matches("input")) {
    let box = stop;
    for (let up = 0; up < 4 && box; up += 1, box = box.parentElement) {
      seen ||= ringed(box) || [...(box.parentElement?.children ?? [])].some(ringed);
    }
  }
  window.stops ??= [];
  let number = window.stops.indexOf(stop);
  if (number < 0) number = window.stops.push(stop) - 1;
  const name = stop.getAttribute("aria-label") || stop.innerText || stop.value || "";
  return { number, seen, said: `${stop.tagName} ${name.slice(0, 60)} ${stop.dataset.testid ?? stop.className}` };
}"""

# Everything that a keyboard must reach, in the order of the document; radio buttons have one stop a group.
CONTROLS = """() => {
  const found = [];
  const groups = new Set();
  const one = (element) => {
    const group = element.matches("[role=radio]") ? element.closest("[role=radiogroup]")
      : element.matches("input[type=radio]") ? `${element.name}` : null;
    if (group === null) return true;
    if (groups.has(group)) return false;
    groups.add(group);
    return true;
  };
  const reached = (element) => window.stops.includes(element);
  const peers = (root, element) =>
    element.matches("input[type=radio]") ? [...root.querySelectorAll(`input[name="${element.name}"]`)]
      : [...(element.closest("[role=radiogroup]")?.querySelectorAll("[role=radio]") ?? [])];
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      if (!element.matches("a[href], button, input, select, textarea, summary, [tabindex='0']")) continue;
      if (element.disabled || element.tabIndex < 0 || element.closest("[inert]")) continue;
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      if (!element.getBoundingClientRect().width) continue;
      if (one(element)) found.push(peers(root, element).find(reached) ?? element);
    }
  };
  walk(document);
  const unreached = found.filter((element) => !reached(element));
  const order = window.stops.map((element) => found.indexOf(element)).filter((place) => place >= 0);
  const positive = found.filter((element) => element.tabIndex > 0);
  return { unreached: unreached.map((element) => element.outerHTML.slice(0, 200)), order, positive: positive.length };
}"""


def walk(page):
    """All stops of Tab, from the address bar until the page is left."""
    page.evaluate(START)
    stops = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        page.wait_for_timeout(RESTING)
        stop = page.evaluate(STOP)
        if stop is None:
            return stops
        stops.append(stop)
    raise AssertionError(f"Tab does not leave the page: {[stop['said'] for stop in stops[-5:]]}")


@pytest.mark.parametrize("scene", SCENES)
def test_tab_reaches_every_control_in_order_and_shows_where_it_is(visit, scene):
    page = SCENES[scene](visit)
    stops = walk(page)
    assert [stop["said"] for stop in stops if not stop["seen"]] == []
    found = page.evaluate(CONTROLS)
    assert found["unreached"] == []
    assert found["order"] == sorted(found["order"])
    assert found["positive"] == 0
    numbers = [stop["number"] for stop in stops]
    assert len(set(numbers)) == len(numbers)
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(STOP)["number"] in numbers[-2:], (
        "and back in where it went out"
    )  # a menu has a lock of its own


def focused(page):
    return page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''")


def test_the_first_stop_skips_to_the_content(visit):
    page = SCENES["inspect_a_sample"](visit)
    page.evaluate(START)
    page.keyboard.press("Tab")
    assert "Skip" in focused(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('[data-testid=stMain]') !== null")


def test_menus_open_by_enter_and_close_by_escape_where_they_were_opened(visit):
    page = SCENES["inspect_a_sample"](visit)
    for button in page.get_by_test_id("stPopoverButton").all():
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_test_id("stPopoverBody").wait_for()
        page.keyboard.press("Escape")
        page.get_by_test_id("stPopoverBody").wait_for(state="detached")
        page.wait_for_timeout(RESTING)
        assert button.evaluate("button => button === document.activeElement")


def test_arrow_keys_choose_the_source_of_pictures(visit):
    page = SCENES["inspect_a_sample"](visit)
    page.get_by_role("radiogroup", name="Picture from").get_by_role("radio", name="Samples").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.get_by_role("radio", name="Test set", checked=True).wait_for()


def test_escape_takes_the_cross_hair_and_the_chosen_channel_away(visit):
    page = SCENES["inspect_a_sample"](visit)
    page.locator("canvas.overlay").first.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".picture.pointed").first.wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".picture.pointed").count() == 0
    page.locator("canvas.bars").first.focus()
    page.keyboard.press("End")
    page.locator("span.channel", has_text="31").first.wait_for()
    page.keyboard.press("Escape")
    assert page.locator("span.channel").first.inner_text() == ""


def test_the_film_waits_to_be_played_and_does_not_glide_where_motion_is_unwanted(visit):
    page = SCENES["training"](visit, reduced_motion="reduce")
    player = page.locator(".cbam-player")
    before = player.get_attribute("data-scene")
    page.wait_for_timeout(2500)
    assert player.get_attribute("data-scene") == before
    for part in (".fill", ".playhead"):
        style = page.locator(f".cbam-player {part}").first
        assert style.evaluate("part => getComputedStyle(part).transitionDuration") == "0s"


@pytest.mark.parametrize("viewport", [NARROW, {"width": 640, "height": 450}], ids=["phone", "twice-enlarged"])
@pytest.mark.parametrize("scene", SCENES)
def test_a_narrow_or_enlarged_page_is_read_without_scrolling_sideways(visit, scene, viewport):
    page = SCENES[scene](visit, viewport=viewport)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
