"""The launcher: readiness, headers, errors, and how it starts and ends."""

import asyncio
import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from app.server.launch import PublishedAddress, Readiness, check_address, finish_warm_up, serve
from cbam_core.errors import LaunchError
from tests.running_app import alerts, running, texts

PAGE = """
import sys
import streamlit as st
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from cbam_core.errors import ImageError

def deep_inside():
    raise ValueError("the key is hunter2")

def mistake():
    raise ImageError("image.empty", "the file {name} is empty", name="cat.png")

cases = {
    "bug": deep_inside,
    "mistake": mistake,
    "torch": lambda: st.text(str("torch" in sys.modules)),
    "answers": lambda: st.text(str(hasattr(ForwardMsgQueue.clear, "__wrapped__"))),
}
cases.get(st.query_params.get("case"), lambda: st.text("hi"))()
"""
"""What the shared server shows: a case for each test that asks for one."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server that was started without any choice, for tests that only visit it."""
    with running(tmp_path_factory.mktemp("shared"), PAGE) as server:
        yield server


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    """A server that got all it may get from the environment."""
    environment = {
        "CBAM_METRICS": "1",
        "CBAM_SERVER_ADDRESS": "lens.example.org",
        "CBAM_BASE_PATH": "/lens/",
        "CBAM_EMBED_FROM": "https://a.example https://b.example",
    }
    with running(tmp_path_factory.mktemp("configured"), environment=environment) as server:
        yield server


def test_ready_is_announced_after_the_warm_up_nothing_else_is_printed_and_ctrl_c_ends_it_even_with_a_visitor(tmp_path):
    page = "import streamlit as st; st.text('hi')"
    with running(tmp_path, page, before="import sys; sys.argv = ['cbam', 'app']") as server:
        status, headers, body = server.get("/api/ready")
        log = server.log
        with server.connect():
            server.process.send_signal(signal.SIGINT)
            assert server.process.stdout.read() == ""
            assert server.process.wait() == 0
            assert server.log == ""
    assert server.lines == ["warming up", f"CBAM Lens is ready at http://{server.host} (Ctrl+C stops it)"]
    assert log == ""
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    answer = json.loads(body)
    assert answer["status"] == "ready"
    assert set(answer["versions"]) == {"python", "cbam-lens", "streamlit", "torch"}


def test_metrics_are_told_only_where_the_operator_says_so(shared, configured):
    assert shared.get("/_stcore/metrics")[0] == 404
    status, _, body = configured.get("/lens/_stcore/metrics")
    assert status == 200
    assert b"active_sessions" in body


def test_not_ready_is_503():
    answer = asyncio.run(Readiness().answer(None))
    assert answer.status_code == 503
    assert json.loads(answer.body) == {"status": "starting"}


def test_every_answer_carries_the_security_headers(shared):
    for path in ("/", "/api/ready", "/_stcore/health", "/favicon.png", "/media/none"):
        headers = shared.get(path)[1]
        assert "frame-ancestors 'self'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "SAMEORIGIN", path
    assert texts(shared.visit()) == ["hi"]


def test_a_page_of_another_site_cannot_connect_and_nobody_is_asked_about_it(tmp_path):
    watch = """
import sys
def note(event, values):
    if event == "socket.connect" or event == "socket.getaddrinfo":
        print("outbound", event, values[-1] if event == "socket.connect" else values[0], flush=True)
sys.addaudithook(note)
"""
    with running(tmp_path, "import streamlit as st; st.text('hi')", before=watch) as server:
        for origin in ("https://evil.example", "http://localhost:1"):
            with pytest.raises(InvalidStatus, match="403"), server.connect(origin):
                pass
        assert texts(server.visit()) == ["hi"]
        server.process.terminate()
        rest = server.process.stdout.read()
        log = server.log
    assert [line for line in server.lines + rest.splitlines() if line.startswith("outbound")] == []
    assert "evil.example" in log
    assert "--server-address" in log


def test_the_name_that_a_proxy_publishes_may_connect(tmp_path):
    arguments = "server_address='lens.example.org', base_path='/tools/lens/'"
    with running(tmp_path, "import streamlit as st; st.text('hi')", arguments=arguments) as server:
        with server.connect("https://lens.example.org"):
            pass
        assert server.path == "/tools/lens"
        assert server.get("/api/ready")[0] == 200
        assert server.get("/tools/lens/api/ready")[0] == 200
        assert server.get("/tools/lens/_stcore/health")[0] == 200
        assert texts(server.visit()) == ["hi"]


def test_proxy_settings_come_from_the_environment(configured):
    with configured.connect("https://lens.example.org"):
        pass
    headers = configured.get("/lens/api/ready")[1]
    assert "frame-ancestors 'self' https://a.example https://b.example" in headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in headers


def test_a_bug_is_logged_whole_and_the_visitor_sees_one_sentence(shared):
    messages = shared.visit("case=bug")
    log = shared.log
    (shown,) = alerts(messages)
    assert shown.startswith("An error occurred on the server")
    reference = re.search(r"in the log as ([0-9a-f]{6})", shown)[1]
    assert "hunter2" not in str(messages)
    assert "Traceback" in log
    assert "in deep_inside" in log
    assert "hunter2" in log
    assert reference in log


def test_a_users_mistake_is_shown_as_its_own_sentence(shared):
    assert alerts(shared.visit("case=mistake")) == ["The file cat.png is empty."]


def test_a_failed_warm_up_ends_the_start_with_its_own_error_and_no_noise(tmp_path):
    before = """
def warm_up():
    raise CheckpointError("checkpoint.missing", "there is no checkpoint at {path}", path="x.safetensors")
import sys
sys.excepthook = lambda kind, error, trace: print(f"{kind.__name__}: {error}")
"""
    with running(tmp_path, before=before, ready=False) as server:
        assert server.process.stdout.read() == "CheckpointError: there is no checkpoint at x.safetensors\n"
        assert server.process.wait() == 1
        assert server.log == ""


def test_what_the_warm_up_cached_is_there_for_the_first_visitor(tmp_path):
    (tmp_path / "expensive.py").write_text(
        "import streamlit as st\n"
        "@st.cache_resource(show_spinner=False)\n"
        "def thing():\n"
        "    print('made', flush=True)\n"
        "    return object()\n"
    )
    before = """
from expensive import thing
def warm_up():
    thing()
    return lambda: print("what is left", flush=True)
"""
    page = "import expensive, streamlit as st; expensive.thing(); st.text('hi')"
    environment = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[3]), str(tmp_path)])}
    with running(tmp_path, page, before=before, environment=environment) as server:
        assert texts(server.visit()) == ["hi"]
        server.process.terminate()
        rest = server.process.stdout.read()
        log = server.log
    printed = server.lines + rest.splitlines()
    assert printed.count("made") == 1
    assert printed.index("what is left") > printed.index("made")
    assert log == ""


def test_what_is_left_of_a_warm_up_may_fail_and_the_log_says_so(caplog):
    def fail():
        raise ImportError("no such page")

    asyncio.run(finish_warm_up(fail))
    assert "what was left of the warm-up failed" in caplog.text
    assert "no such page" in caplog.text


def test_the_launcher_never_imports_torch(shared):
    assert texts(shared.visit("case=torch")) == ["False"]


def test_a_server_keeps_its_answers_to_browsers_when_a_run_begins(shared):
    assert texts(shared.visit("case=answers")) == ["True"]


def test_a_port_in_use_is_one_sentence_before_any_work(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LaunchError) as error:
            serve(port=port, script=tmp_path / "never.py", warm_up=pytest.fail)
    assert error.value.code == "launch.port-in-use"
    assert str(error.value) == f"port {port} is in use; choose another with --port"


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid", "a..b", ""])
def test_an_address_that_is_not_ours_is_one_sentence(host):
    with pytest.raises(LaunchError, match=re.escape(f"'{host}'")) as error:
        check_address(host, 0)
    assert error.value.code == "launch.address-not-here"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"port": -1}, "launch.bad-port"),
        ({"port": 65536}, "launch.bad-port"),
        ({"server_address": "https://lens.example.org"}, "launch.bad-server-address"),
        ({"server_address": "a.example; script-src *"}, "launch.bad-server-address"),
        ({"base_path": "a b"}, "launch.bad-base-path"),
        ({"base_path": "a//b"}, "launch.bad-base-path"),
        ({"base_path": "tools/model"}, "launch.base-path-is-page"),
        ({"embed_from": ("course.example.org",)}, "launch.bad-embed-origin"),
        ({"embed_from": ("https://a.example; script-src *",)}, "launch.bad-embed-origin"),
        ({"embed_from": ("https://a.example\r\nX: y",)}, "launch.bad-embed-origin"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(values, code):
    with pytest.raises(LaunchError) as error:
        PublishedAddress(**values)
    assert error.value.code == code
