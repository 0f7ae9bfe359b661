"""The security headers in a real browser: they blank nothing that the app uses, and stop what they should."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.resting import pause
from tests.browser.tabs import PATIENCE

pytestmark = pytest.mark.browser

PAGE = '''
import io

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

probe = st.components.v2.component(
    "probe",
    html="<canvas id='canvas'></canvas><button id='press'>press</button><b id='state'></b>",
    css="#state { color: rgb(1, 2, 3) }",
    js="""
    export default function ({ parentElement, data, setTriggerValue }) {
      const state = parentElement.querySelector("#state");
      const picture = new Image();
      picture.onload = () => {
        const pen = parentElement.querySelector("#canvas").getContext("2d");
        pen.drawImage(picture, 0, 0);
        state.textContent = "drawn " + pen.getImageData(3, 3, 1, 1).data.slice(0, 3).join();
      };
      picture.src = URL.createObjectURL(new Blob([new Uint8Array(data.png)], { type: "image/png" }));
      parentElement.querySelector("#press").onclick = () => setTriggerValue("pressed", "yes");
    }
    """,
)
square = np.full((8, 8, 3), [9, 99, 199], np.uint8)
file = io.BytesIO()
Image.fromarray(square).save(file, "PNG")
told = probe(data={"png": list(file.getvalue())}, key="probe", on_pressed_change=lambda: None)
st.write("pressed:", told.pressed or "no")
st.plotly_chart(go.Figure(go.Bar(y=[1, 3, 2])), key="bars", on_select="rerun")
for upload in st.file_uploader("Upload", accept_multiple_files=True):
    st.write("received", upload.name, upload.size)
st.download_button("Save", b"contents", "file.txt")
st.image(square, output_format="PNG")
st.markdown("**bold** $x^2$ `code` :material/photo: [link](?a=1)")
st.bar_chart([1, 2, 3])
if st.toggle("Use the camera"):
    st.camera_input("Camera")
'''

COLLECT_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(
    [event.effectiveDirective, event.blockedURI, event.sourceFile, event.columnNumber].join(" ")));
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    script = folder / "page.py"
    script.write_text(PAGE)
    program = (
        "from pathlib import Path; from app.server.launch import serve; "
        f"serve(port=0, script=Path({str(script)!r}), warm_up=lambda: None)"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield re.search(r"http://\S+", process.stdout.readline())[0]
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def profile(chromium):
    """A browser profile that collects what is blocked."""
    context = chromium.new_context(permissions=["camera"], accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(COLLECT_VIOLATIONS)
    yield context
    context.close()


@pytest.fixture(scope="module")
def watched(profile, address):
    """A page of the app, with everything that it complained about or asked of others."""
    page = profile.new_page()
    page.complaints, page.outbound = [], []
    page.on("console", lambda message: message.type == "error" and page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))

    def note_request(request):
        if not request.url.startswith((address, "blob:", "data:")):
            page.outbound.append(request.url)

    def note_socket(socket):
        if not socket.url.startswith(address.replace("http", "ws", 1)):
            page.outbound.append(socket.url)

    page.on("request", note_request)
    page.on("websocket", note_socket)
    page.goto(address)
    return page


def test_nothing_that_the_app_uses_is_blocked_and_nothing_leaves_the_server(watched, tmp_path):
    watched.get_by_text("drawn 9,99,199").wait_for()
    watched.get_by_text("press", exact=True).click()
    watched.get_by_text("pressed: yes").wait_for()
    watched.locator("[data-testid=stPlotlyChart] .bars path").nth(2).wait_for()
    watched.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first.wait_for()
    picture = watched.locator("[data-testid=stImage] img")
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 8

    upload = tmp_path / "notes.txt"
    upload.write_text("five!")
    watched.locator("input[type=file]").first.set_input_files(upload)
    watched.get_by_text("received notes.txt").wait_for()
    with watched.expect_download() as download:
        watched.get_by_text("Save", exact=True).click()
    assert Path(download.value.path()).read_bytes() == b"contents"

    watched.get_by_text("Use the camera").click()
    watched.locator("[data-testid=stCameraInput]").wait_for()
    assert watched.evaluate("document.featurePolicy.allowsFeature('camera')")
    assert not watched.evaluate("document.featurePolicy.allowsFeature('microphone')")

    assert watched.evaluate("window.violations") == []
    assert watched.complaints == []
    assert watched.outbound == []


def test_script_and_requests_that_an_attacker_would_need_are_blocked(watched):
    """The last one with this page: it complains."""
    watched.get_by_text("drawn 9,99,199").wait_for()
    watched.evaluate("""() => {
        const image = document.createElement("img");
        image.setAttribute("onerror", "window.stolen = 'by a handler'");
        image.src = "data:,";
        document.body.append(image);
        const script = document.createElement("script");
        script.textContent = "window.stolen = 'by a script'";
        document.body.append(script);
        const remote = document.createElement("script");
        remote.src = "http://127.0.0.1:9/stolen.js";
        document.body.append(remote);
    }""")
    asked = watched.evaluate("fetch('http://127.0.0.1:9/').then(() => 'answered', () => 'blocked')")
    watched.wait_for_function("() => window.violations.length >= 4")
    pause(watched, 200)  # what was not blocked runs
    assert asked == "blocked"
    assert watched.evaluate("window.stolen") is None
    blocked = {tuple(violation.split()[:2]) for violation in watched.evaluate("window.violations")}
    assert blocked == {
        ("script-src-attr", "inline"),
        ("script-src-elem", "inline"),
        ("script-src-elem", "http://127.0.0.1:9/stolen.js"),
        ("connect-src", "http://127.0.0.1:9/"),
    }


def test_only_the_sites_own_pages_can_show_the_app_in_a_frame(profile, address):
    add_frame = """address => new Promise((done) => {
        const frame = document.createElement("iframe");
        frame.onload = done;
        frame.src = address;
        document.body.append(frame);
    })"""
    # To the browser the same server under another name is another site.
    for outside, shown in ((address, True), (address.replace("127.0.0.1", "localhost"), False)):
        page = profile.new_page()
        page.route("**/outside", lambda route: route.fulfill(content_type="text/html", body="outside"))
        page.goto(f"{outside}/outside")
        page.evaluate(add_frame, address)
        if shown:
            page.frame_locator("iframe").get_by_text("drawn 9,99,199").wait_for()
        assert (page.frames[1].url == "chrome-error://chromewebdata/") != shown, page.frames[1].url
        page.close()
