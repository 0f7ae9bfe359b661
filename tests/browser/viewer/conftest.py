"""The viewer alone in a real browser: as a page of its own, and as a host mounts it."""

from contextlib import contextmanager

import pytest

from cbam_core.viewer import source, standalone_html, styles
from tests.browser.canvas import PAINTED
from tests.browser.tabs import ALONE
from tests.browser.viewer.page import show
from tests.browser.viewer.payloads import SAMPLE


@contextmanager
def opening(tabs, folder):
    """Opens payloads as stand-alone pages; at the end nothing may have complained or gone out."""
    left, trouble = [], []

    def open_one(payload, **how):
        tab = tabs.lend(**how)
        left.append(tab)
        file = folder / f"page{len(left)}.html"
        file.write_text(standalone_html(payload), encoding="utf-8")
        tab.listen("console", lambda message: trouble.append(message.text))
        tab.listen("pageerror", lambda error: trouble.append(str(error)))
        tab.listen("request", lambda request: request.url == file.as_uri() or trouble.append(request.url))
        tab.page.goto(file.as_uri())
        tab.page.wait_for_selector(PAINTED)
        return tab.page

    yield open_one
    for tab in left:
        tab.leave()
    assert trouble == []


@pytest.fixture
def open_page(tabs_alone, tmp_path):
    """Opens payloads as stand-alone pages; see `opening`."""
    with opening(tabs_alone, tmp_path) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def sample(tabs_alone, tmp_path_factory):
    """`SAMPLE` as a stand-alone page, shared by tests that only read it, with `read`."""
    with opening(tabs_alone, tmp_path_factory.mktemp("sample")) as open_one:
        yield open_one(SAMPLE)


@pytest.fixture
def read(sample):
    """`SAMPLE` as a stand-alone page on which nothing is pointed at; tests leave its settings alone."""
    sample.mouse.move(0, 0)
    for part in ("canvas.overlay", "canvas.bars"):
        sample.locator(part).first.focus()
        sample.keyboard.press("Escape")
    sample.evaluate("document.activeElement.blur()")
    return sample


LOAD = """([script, style]) => new Promise((done) => {
  window.ready = (mount) => {
    window.begin = () => {
      window.viewer?.destroy();
      window.viewer = null;
      window.heard = [];
      window.scrollTo(0, 0);
      const host = document.createElement("div");
      host.id = "host";
      document.body.replaceChildren(host);
      const root = host.attachShadow({ mode: "open" });
      const sheet = document.createElement("style");
      sheet.textContent = style;
      root.append(sheet);
      window.show = (payload) => {
        window.viewer = mount(root, payload, (name, detail) => window.heard.push([name, detail]));
      };
    };
    done();
  };
  const module = document.createElement("script");
  module.type = "module";
  module.textContent = script + "\\nwindow.ready(mount);";
  document.head.append(module);
})"""
"""Loads the viewer's script; `begin()` then takes the viewer away that is there, and makes a new place for one."""


@pytest.fixture(scope="module")
def host(tabs_alone, tmp_path_factory):
    """The tab of a page that mounts the viewer itself, as a host does, again and again."""
    tab = tabs_alone.lend()
    file = tmp_path_factory.mktemp("host") / "host.html"
    file.write_text("<!doctype html><meta charset=utf-8><body></body>")
    tab.page.goto(file.as_uri())
    tab.page.evaluate(LOAD, [source(), styles()])
    yield tab
    tab.leave()


@pytest.fixture
def mounted(host):
    """A page with a viewer that was mounted just now, in a shadow root."""
    complaints, page = [], host.page

    def complain(error):
        complaints.append(str(error))

    page.on("pageerror", complain)
    page.set_viewport_size(ALONE["viewport"])
    page.mouse.move(0, 0)
    page.evaluate("begin()")
    show(page, SAMPLE)
    yield page
    page.remove_listener("pageerror", complain)
    assert complaints == []
