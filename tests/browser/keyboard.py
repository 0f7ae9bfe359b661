"""A page gone through by Tab: where it stops, and what it should have reached."""

from tests.browser.resting import pause

MOST = 200  # stops on one page
RESTING = 80  # milliseconds in which a ring appears, or focus goes back

START = """() => {
  window.stops = [];
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
        stop = page.evaluate(STOP)
        if stop is None or not stop["seen"]:
            pause(page, RESTING)
            stop = page.evaluate(STOP)
        if stop is None:
            return stops
        stops.append(stop)
    raise AssertionError(f"Tab does not leave the page: {[stop['said'] for stop in stops[-5:]]}")
