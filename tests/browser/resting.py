"""When a page of the app has come to rest, by what it does: a slow machine takes longer, and a fast one waits less."""

QUIET = 120
"""Milliseconds in which nothing changes any more."""

STATE = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState"
"""Of the page's script on the server, in the browser's words."""

LISTEN = """
window.asked = window.heard = 0;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (...given) {
  const asked = (window.asked += 1);
  this.addEventListener("message", () => { window.heard = Math.max(window.heard, asked); }, { once: true });
  return send.apply(this, given);
};
window.held = null;
const listen = WebSocket.prototype.addEventListener;
WebSocket.prototype.addEventListener = function (kind, told, ...how) {
  const late = (event) => {
    const tell = () => told.call(this, event);
    return window.held ? held.push({ event, tell }) : tell();
  };
  return listen.call(this, kind, kind === "message" ? late : told, ...how);
};
"""
"""Counts what a page asks of its script, and what of that was answered; to run before the page's own scripts.

What its script answers can be held back, see `hold`.
"""

STILL = f"""quiet => new Promise((done, fail) => {{
  const end = performance.now() + 60_000;
  let frames = 0, since = 0;
  const begin = () => {{ frames = 0; since = performance.now(); }};
  const observer = new MutationObserver(begin);
  observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
  const look = () => {{
    if ({STATE} !== "notRunning" || window.asked === 0 || window.asked > window.heard) begin();
    frames += 1;
    if (performance.now() > end) return fail(new Error("the page does not come to rest"));
    if (frames < 5 || performance.now() - since < quiet) return requestAnimationFrame(look);
    observer.disconnect();
    done();
  }};
  begin();
  look();
}})"""


def pause(page, milliseconds):
    """Wait by the page's own clock: what it put off for a shorter time has happened then, however busy the machine is.

    The page is on the screen by then, too.
    """
    page.evaluate(
        "time => new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done)), time))",
        milliseconds,
    )


CLICK_ONCE_SHOWN = """selector => {
  const end = performance.now() + 60_000;
  window.clicked = new Promise((done, fail) => {
    const look = () => {
      const found = [...document.querySelectorAll(selector)].find((one) => one.checkVisibility() && !one.disabled);
      if (!found && performance.now() > end) return fail(new Error(`there is no ${selector}`));
      if (!found) return requestAnimationFrame(look);
      found.click();
      done();
    };
    look();
  });
}"""


def clicked_once_shown(page, selector, act):
    """Do something, and click what it brings in the same frame: it may be gone before a test has seen it."""
    page.evaluate(CLICK_ONCE_SHOWN, selector)
    act()
    page.evaluate("clicked")


def hold(page, text, act):
    """Do something, and wait until its script has said a text, of which the page hears nothing before `release`."""
    page.evaluate("held = []")
    act()
    page.wait_for_function(
        "text => held.some(({ event }) => new TextDecoder().decode(event.data).includes(text))", arg=text
    )


def release(page):
    """Let the page hear what was held back, as if it came only now."""
    page.evaluate("() => { const late = held; held = null; late.forEach(({ tell }) => tell()); }")


def answered(page):
    """Wait until the page's script does not run."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def rested(page):
    """The page, once its script has answered and nothing on it has changed for some frames."""
    page.evaluate(STILL, QUIET)
    return page


def rerun(page, act):
    """Do something that the page tells its script, at once or later, and wait until that has answered."""
    before = page.evaluate("window.asked")
    act()
    page.wait_for_function("before => window.asked > before", arg=before)
    rested(page)
