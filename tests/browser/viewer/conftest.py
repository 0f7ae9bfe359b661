"""The viewer alone in a real browser: as a page of its own, and as a host mounts it."""

import pytest

from cbam_core.viewer import source, standalone_html, styles
from tests.browser.canvas import PAINTED
from tests.browser.viewer.page import show
from tests.browser.viewer.payloads import SAMPLE

WIDE = {"width": 1100, "height": 900}


@pytest.fixture
def open_page(chromium, tmp_path):
    """Opens payloads as stand-alone pages; at the end nothing may have complained or gone out."""
    contexts, trouble = [], []

    def open_one(payload, **how):
        context = chromium.new_context(**{"viewport": WIDE, **how})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        file = tmp_path / f"page{len(contexts)}.html"
        page.on("request", lambda request: request.url == file.as_uri() or trouble.append(request.url))
        file.write_text(standalone_html(payload), encoding="utf-8")
        page.goto(file.as_uri())
        page.wait_for_selector(PAINTED)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.fixture
def mounted(chromium):
    """A page that mounts the viewer itself, in a shadow root, as a host does."""
    context = chromium.new_context(viewport=WIDE)
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.set_content("<div id=host></div>")
    page.evaluate(
        """([script, style]) => new Promise((done) => {
          window.heard = [];
          const root = document.querySelector("#host").attachShadow({ mode: "open" });
          const sheet = document.createElement("style");
          sheet.textContent = style;
          root.append(sheet);
          window.ready = (mount) => {
            window.show = (payload) => {
              window.viewer = mount(root, payload, (name, detail) => window.heard.push([name, detail]));
            };
            done();
          };
          const module = document.createElement("script");
          module.type = "module";
          module.textContent = script + "\\nwindow.ready(mount);";
          document.head.append(module);
        })""",
        [source(), styles()],
    )
    show(page, SAMPLE)
    yield page
    context.close()
    assert page.complaints == []
