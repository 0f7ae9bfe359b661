import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from app.server.greeting import greeting
from app.server.launch import PublishedAddress, Readiness, check_address, finish_warm_up, serve
from app.server.options import SAFE_OPTIONS
from app.server.theme import theme_options
from cbam_core.errors import LaunchError
from tests.running_app import Running, alerts, running, texts

HOSTILE_CONFIG = """
[global]
developmentMode = true
[server]
address = "0.0.0.0"
port = 1
maxUploadSize = 999
maxMessageSize = 999
enableXsrfProtection = false
enableCORS = false
corsAllowedOrigins = ["https://evil.example"]
fileWatcherType = "auto"
runOnSave = true
enableStaticServing = true
enableAgentApi = true
scriptHealthCheckEnabled = true
baseUrlPath = "elsewhere"
sslCertFile = "/nowhere/cert.pem"
sslKeyFile = "/nowhere/key.pem"
allowedHosts = ["evil.example"]
cookieSecret = "known to the attacker"
websocketPingInterval = 1
trustedUserHeaders = { X-User = "name" }
[browser]
gatherUsageStats = true
serverAddress = "evil.example"
serverPort = 1
[client]
showErrorDetails = "full"
toolbarMode = "developer"
allowedOrigins = ["https://evil.example"]
[runner]
magicEnabled = true
fastReruns = false
[logger]
level = "debug"
hideWelcomeMessage = false
[secrets]
files = ["secrets.toml"]
[theme]
base = "dark"
primaryColor = "#ff0000"
font = "Evil:https://evil.example/font.css"
[theme.sidebar]
primaryColor = "#00ff00"
"""


@pytest.fixture
def hostile_folder(tmp_path):
    for folder in (tmp_path / "cwd", tmp_path / "home", tmp_path):
        (folder / ".streamlit").mkdir(parents=True)
        (folder / ".streamlit" / "config.toml").write_text(HOSTILE_CONFIG)
        (folder / ".streamlit" / "secrets.toml").write_text('stolen = "yes"')
    return tmp_path / "cwd"


def test_hostile_config_files_and_environment_change_nothing(tmp_path, hostile_folder):
    environment = {
        "HOME": str(tmp_path / "home"),
        "STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "999",
        "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
        "STREAMLIT_SERVER_ENABLE_CORS": "false",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
        "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "full",
        "STREAMLIT_THEME_PRIMARY_COLOR": "#ff0000",
    }
    page = """
        import json
        import streamlit as st
        from streamlit import config
        st.text(json.dumps({name: st.get_option(name) for name in config._config_options_template}))
        try:
            st.text(json.dumps(dict(st.secrets)))
        except FileNotFoundError:
            st.text("no secrets")
    """
    with running(tmp_path, page, cwd=hostile_folder, environment=environment) as server:
        messages = server.visit()
        told, secrets = texts(messages)
        host_config = json.loads(server.get("/_stcore/host-config")[2])
        foreign = server.get("/_stcore/health", Origin="https://evil.example")[1]
        log = server.log
    options = json.loads(told)
    port = int(server.host.split(":")[1])

    ours = {**SAFE_OPTIONS, **theme_options(), "logger.hideWelcomeMessage": True, "logger.level": "warning"}
    ours |= {"server.headless": True, "server.port": port, "browser.serverPort": port}
    ours |= {"browser.serverAddress": "127.0.0.1", "server.allowedHosts": ["127.0.0.1", "localhost", "::1"]}
    assert {name: options[name] for name in ours} == ours
    assert_defaults(options, except_for=ours)
    assert options["server.cookieSecret"] != "known to the attacker"
    assert secrets == "no secrets"
    assert host_config["allowedOrigins"] == []
    assert "Access-Control-Allow-Origin" not in foreign
    session = next(m.new_session for m in messages if m.WhichOneof("type") == "new_session")
    assert not session.config.gather_usage_stats
    assert session.custom_theme.light.primary_color == theme_options()["theme.light.primaryColor"]
    assert session.custom_theme.dark.primary_color == theme_options()["theme.dark.primaryColor"]
    assert not session.custom_theme.primary_color
    assert log == ""


def test_streamlit_run_in_the_projects_root_has_the_same_safety_and_look(tmp_path):
    script = tmp_path / "page.py"
    script.write_text(
        "import json, streamlit as st\nfrom streamlit import config\n"
        "st.text(json.dumps({name: st.get_option(name) for name in config._config_options_template}))\n"
    )
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port=0"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [*command, "--server.headless=true"], cwd=root, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        server = Running(process, tmp_path / "log")
        try:
            server.read_until_ready(r"URL: http://([^/\s]+)(\S*)")
            options = json.loads(texts(server.visit())[0])
        finally:
            process.terminate()
            process.wait(20)
    expected = {**SAFE_OPTIONS, **theme_options()}
    assert {name: options[name] for name in expected} == expected
    assert "Uvicorn server started" in server.log
    assert len(server.log.splitlines()) == 1, server.log


def test_a_bare_streamlit_run_finds_the_apps_modules_without_the_package_installed(tmp_path):
    root = Path(__file__).resolve().parents[3]
    program = f"""
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path = [path for path in sys.path if path not in ("", {str(root)!r})]
sys.argv = ["streamlit", "run", "app/main.py", "--server.port=0", "--server.headless=true"]
from streamlit.web.cli import main
main()
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=root, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        server = Running(process, tmp_path / "log")
        try:
            server.read_until_ready(r"URL: http://([^/\s]+)(\S*)")
            messages = server.visit()
        finally:
            process.terminate()
            process.wait(20)
    assert "ModuleNotFoundError" not in server.log
    assert any(m.delta.new_element.HasField("bidi_component") for m in messages)


def assert_defaults(options, *, except_for):
    # In a fresh process without any file: this one may have been configured by other tests.
    program = (
        "import json; from streamlit import config; config.get_config_files = lambda name: []; "
        "print(json.dumps({n: config.get_option(n) for n in config._config_options_template}))"
    )
    defaults = json.loads(subprocess.check_output([sys.executable, "-c", program], text=True))
    rest = {name for name in defaults if name not in except_for} - {"server.cookieSecret"}  # random
    assert {n: options[n] for n in rest} == {n: defaults[n] for n in rest}


def test_ready_is_announced_after_the_warm_up_and_nothing_else_is_printed(tmp_path):
    with running(tmp_path, before="import sys; sys.argv = ['cbam', 'app']") as server:
        status, headers, body = server.get("/api/ready")
        log = server.log
    assert server.lines == ["warming up", f"CBAM Lens is ready at http://{server.host} (Ctrl+C stops it)"]
    assert log == ""
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    answer = json.loads(body)
    assert answer["status"] == "ready"
    assert set(answer["versions"]) == {"python", "cbam-lens", "streamlit", "torch"}


def test_metrics_are_told_only_where_the_operator_says_so(tmp_path):
    with running(tmp_path) as server:
        assert server.get("/_stcore/metrics")[0] == 404
    with running(tmp_path, environment={"CBAM_METRICS": "1"}) as server:
        status, _, body = server.get("/_stcore/metrics")
        assert status == 200
        assert b"active_sessions" in body


def test_not_ready_is_503():
    answer = asyncio.run(Readiness().answer(None))
    assert answer.status_code == 503
    assert json.loads(answer.body) == {"status": "starting"}


def test_every_answer_carries_the_security_headers(tmp_path):
    with running(tmp_path, "import streamlit as st; st.text('hi')") as server:
        for path in ("/", "/api/ready", "/_stcore/health", "/favicon.png", "/media/none"):
            headers = server.get(path)[1]
            assert "frame-ancestors 'self'" in headers["Content-Security-Policy"], path
            assert headers["X-Content-Type-Options"] == "nosniff", path
            assert headers["X-Frame-Options"] == "SAMEORIGIN", path
        assert texts(server.visit()) == ["hi"]


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


def test_proxy_settings_come_from_the_environment(tmp_path):
    environment = {
        "CBAM_SERVER_ADDRESS": "lens.example.org",
        "CBAM_BASE_PATH": "/lens/",
        "CBAM_EMBED_FROM": "https://a.example https://b.example",
    }
    with running(tmp_path, environment=environment) as server:
        with server.connect("https://lens.example.org"):
            pass
        headers = server.get("/lens/api/ready")[1]
    assert "frame-ancestors 'self' https://a.example https://b.example" in headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in headers


def test_a_bug_is_logged_whole_and_the_visitor_sees_one_sentence(tmp_path):
    page = """
        import streamlit as st
        def deep_inside():
            raise ValueError("the key is hunter2")
        deep_inside()
    """
    with running(tmp_path, page) as server:
        messages = server.visit()
        log = server.log
    (shown,) = alerts(messages)
    assert shown.startswith("An error occurred on the server")
    reference = re.search(r"in the log as ([0-9a-f]{6})", shown)[1]
    assert "hunter2" not in str(messages)
    assert "Traceback" in log
    assert "in deep_inside" in log
    assert "hunter2" in log
    assert reference in log


def test_a_users_mistake_is_shown_as_its_own_sentence(tmp_path):
    page = """
        from cbam_core.errors import ImageError
        raise ImageError("image.empty", "the file {name} is empty", name="cat.png")
    """
    with running(tmp_path, page) as server:
        assert alerts(server.visit()) == ["The file cat.png is empty."]


def test_a_failed_warm_up_ends_the_start_with_its_own_error_and_no_noise(tmp_path):
    before = """
def warm_up():
    raise CheckpointError("checkpoint.missing", "there is no checkpoint at {path}", path="x.safetensors")
import sys
sys.excepthook = lambda kind, error, trace: print(f"{kind.__name__}: {error}")
"""
    with running(tmp_path, before=before, ready=False) as server:
        assert server.process.wait(30) == 1
        assert server.process.stdout.read() == "CheckpointError: there is no checkpoint at x.safetensors\n"
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


def test_ctrl_c_ends_quietly_even_with_a_visitor(tmp_path):
    with running(tmp_path, "import streamlit as st; st.text('hi')") as server, server.connect():
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(15) == 0
        assert server.log == ""


def test_the_launcher_never_imports_torch(tmp_path):
    page = "import sys; import streamlit as st; st.text(str('torch' in sys.modules))"
    with running(tmp_path, page) as server:
        assert texts(server.visit()) == ["False"]


def test_a_server_keeps_its_answers_to_browsers_when_a_run_begins(tmp_path):
    page = """
        import streamlit as st
        from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
        st.text(str(hasattr(ForwardMsgQueue.clear, "__wrapped__")))
    """
    with running(tmp_path, page) as server:
        assert texts(server.visit()) == ["True"]


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


@pytest.fixture
def machine(monkeypatch):
    """Gives this machine other addresses, inside or outside of a container."""

    def become(*addresses, contained=False):
        def own(*, ipv6):
            return [address for address in addresses if ipv6 or ":" not in address]

        monkeypatch.setattr("app.server.greeting.addresses_for_others", own)
        monkeypatch.setattr("app.server.greeting.in_container", lambda: contained)

    return become


def test_the_greeting_says_what_listening_on_every_network_means(machine):
    machine("192.168.1.20")
    first, second, third = greeting(PublishedAddress(host="0.0.0.0"), 8501)
    assert first == "CBAM Lens is ready at http://localhost:8501 (Ctrl+C stops it)"
    assert second == "Others open http://192.168.1.20:8501"
    assert "anyone" in third
    assert len(list(greeting(PublishedAddress(), 8501))) == 1


def for_others(**address):
    return list(greeting(PublishedAddress(**address), 8501))[1]


def test_every_address_that_others_can_type_is_named(machine):
    machine("192.168.1.20", "10.0.0.7", "fd00::2")
    path = "/tools/lens"
    both = f"http://192.168.1.20:8501{path} or http://10.0.0.7:8501{path}"
    assert for_others(host="0.0.0.0", base_path="tools/lens") == f"Others open {both}"
    assert for_others(host="::", base_path="tools/lens") == f"Others open {both} or http://[fd00::2]:8501{path}"


def test_a_machine_without_a_network_says_so(machine):
    machine("fd00::2")
    assert for_others(host="0.0.0.0").startswith("No address of this machine in a network was found")


def test_a_container_says_that_others_need_the_address_of_its_machine(machine):
    machine("172.17.0.2", contained=True)
    lines = list(greeting(PublishedAddress(host="0.0.0.0"), 8501))
    assert lines[1] == "Others open http://172.17.0.2:8501"
    assert lines[2].startswith("This is a container: from outside, use the address of its machine")


def test_a_server_for_one_name_gives_others_that_name_alone(machine):
    machine("192.168.1.20")
    said = for_others(host="0.0.0.0", server_address="lens.example.org")
    assert "lens.example.org" in said
    assert "192.168.1.20" not in said


def test_the_address_of_one_network_is_the_one_that_others_type(machine):
    machine()
    lines = list(greeting(PublishedAddress(host="192.168.1.20"), 8501))
    assert lines[0].startswith("CBAM Lens is ready at http://192.168.1.20:8501 ")
    assert len(lines) == 2


def test_an_ipv6_address_is_written_as_browsers_want_it():
    assert PublishedAddress(host="::1", base_path="lens").url(80) == "http://[::1]:80/lens"
