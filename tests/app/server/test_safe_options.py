"""Options of the server stay safe whatever config files and the environment say, and however it is started."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.server.options import SAFE_OPTIONS
from app.server.theme import theme_options
from tests.running_app import Running, running, texts

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


def test_a_bare_streamlit_run_finds_the_apps_modules_without_the_package_installed(interpreter, tmp_path, monkeypatch):
    root = Path(__file__).resolve().parents[3]
    program = f"""
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path = [path for path in sys.path if path not in ("", {str(root)!r})]
sys.argv = ["streamlit", "run", "app/main.py", "--server.port=0", "--server.headless=true"]
from streamlit.web.cli import main
main()
"""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    process = interpreter.start(program, cwd=root)
    try:
        server = Running(process, tmp_path / "log")
        server.host, server.path = process.says(r"URL: http://([^/\s]+)(\S*)").groups()
        messages = server.visit()
    finally:
        process.kill(signal.SIGTERM)
        log = process.wait().stderr.decode()
    assert "ModuleNotFoundError" not in log
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
