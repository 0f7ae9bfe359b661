"""Which Streamlit options the app runs with, and how nothing else gets a say.

Streamlit collects its options from ``~/.streamlit/config.toml``, and from ``.streamlit/config.toml`` of the
folder it happens to be started in and of the script's folder. A launcher installed as a command is started
anywhere, so none of these files may decide about upload limits or cross-site protection:

* `launch_options` names every option that matters for safety, privacy, cost or looks; given in code they win;
* `app.streamlit_internals.without_config_files` hides all of Streamlit's configuration and secrets files while the
  server runs, so options that are not named keep Streamlit's own defaults.

``STREAMLIT_*`` environment variables belong to ``streamlit run``; a server started in code reads only
``STREAMLIT_SERVER_COOKIE_SECRET`` (a secret for several replicas, which must never stand in code).

``python -m streamlit run app/main.py`` from the project's root does read ``.streamlit/config.toml`` there.
That file is written by ``python -m app.server.options`` from the same values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from app.server.theme import theme_options

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "::1")
CONFIG_FILE: Final = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"
MAX_UPLOAD_MEGABYTES: Final = 256
"""Of one file, whatever it is: a checkpoint. Images have a lower limit; see `app.widgets.uploads`."""

SAFE_OPTIONS: Final[dict[str, Any]] = {
    # Who may connect, and from which page.
    "server.address": "127.0.0.1",
    "server.baseUrlPath": "",
    "server.enableCORS": True,
    "server.corsAllowedOrigins": [],
    "server.enableXsrfProtection": True,
    "server.xsrfCookieSameSite": "lax",
    "server.trustedUserHeaders": {},
    "server.unsafeMetricsUserAttributes": [],
    "client.allowedOrigins": [],
    # What a visitor may send, and how long it is kept after they leave (megabytes, seconds).
    "server.maxUploadSize": MAX_UPLOAD_MEGABYTES,
    "server.maxMessageSize": 20,
    "server.maxWidgetStateSize": 5,
    "server.disconnectedSessionTTL": 120,
    # Doors that the app does not use.
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.scriptHealthCheckEnabled": False,
    "server.customComponentBaseUrlPath": "",
    "secrets.files": [],
    # Nothing is sent to anyone.
    "browser.gatherUsageStats": False,
    "browser.serverAddress": "localhost",
    "server.showEmailPrompt": False,
    # A visitor sees one sentence; the log gets the traceback, as text rather than coloured boxes.
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "viewer",
    "client.disableDataExport": False,
    "logger.enableRich": False,
    # A server, not a workbench: no watching of files, no rewriting of scripts.
    "global.developmentMode": False,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.allowRunOnSave": False,
    "server.folderWatchList": [],
    "runner.magicEnabled": False,
    # Speed and memory: a new click interrupts the old run; messages are small and mostly compressed already. Collecting
    # rubbish after every run costs more than the run where many sessions are alive;
    # `app.server.session_cleanup` does so now and then.
    "runner.fastReruns": True,
    "runner.postScriptGC": False,
    "server.enableWebsocketCompression": False,
    "server.enableExpensiveMemoryStats": False,
    "ui.hideTopBar": False,
}

# What only the launcher needs: it prints its own line, and knows its own address.
_LAUNCHER_OPTIONS: Final[dict[str, Any]] = {
    "logger.hideWelcomeMessage": True,
    "logger.level": "warning",
    "server.headless": True,
}


def launch_options(
    host: str, port: int, *, server_address: str = "", base_path: str = "", framed: bool = False
) -> dict[str, Any]:
    """All options for a server on this address, ready for ``st.App.run(config=...)``.

    Args:
        host: address to listen on.
        port: port to listen on; 0 lets the system choose.
        server_address: host name that visitors type when a proxy stands in front; empty for none.
        base_path: path below which a proxy publishes the app, without slashes around it; empty for the root.
        framed: whether other sites may show the app in a frame. Browsers send a cookie from there, without which
            nothing can be uploaded, only if it is marked so, and came over HTTPS.
    """
    return {
        **SAFE_OPTIONS,
        **theme_options(),
        **_LAUNCHER_OPTIONS,
        "server.address": host,
        "server.port": port,
        "server.baseUrlPath": base_path,
        "server.xsrfCookieSameSite": "none" if framed else "lax",
        "server.allowedHosts": allowed_hosts(host, server_address),
        "browser.serverAddress": server_address or ("localhost" if is_wildcard(host) else host),
    }


def allowed_hosts(host: str, server_address: str) -> list[str]:
    """Names under which a browser may open the app's live connection; an empty list allows all.

    A server on a loopback address is for this machine only, yet any web page could reach it by pointing a
    domain name of its own at 127.0.0.1; such a name is not in this list. A server for the network can be
    reached under names that it does not know, unless ``server_address`` names them.
    """
    if is_loopback(host):
        return list(dict.fromkeys([*LOOPBACK_NAMES, host, *([server_address] if server_address else [])]))
    return [*LOOPBACK_NAMES, host, server_address] if server_address else []


def is_wildcard(host: str) -> bool:
    """Whether listening on this address means listening on every network of the machine."""
    return host in {"0.0.0.0", "::"}  # noqa: S104 - asked about, not listened on


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    return host in LOOPBACK_NAMES or host.startswith("127.")


def config_toml() -> str:
    """The text of ``.streamlit/config.toml``: the safe options and the theme, for ``streamlit run``."""
    sections: dict[str, list[str]] = {}
    for key, value in {**SAFE_OPTIONS, **theme_options()}.items():
        section, name = key.rsplit(".", 1)
        sections.setdefault(section, []).append(f"{name} = {_toml(value)}")
    head = "# Written by `python -m app.server.options`: change app/server/theme.py or app/server/options.py.\n"
    return head + "".join(f"\n[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items())


def _toml(value: Any) -> str:
    # For strings, booleans, whole numbers and lists of these, TOML and JSON look the same.
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    CONFIG_FILE.parent.mkdir(exist_ok=True)
    CONFIG_FILE.write_text(config_toml(), encoding="utf-8")
