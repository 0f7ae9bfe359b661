"""What the browser may do, and which pages may open a live connection: pure ASGI, nothing buffered.

The policy is as tight as Streamlit 1.67 lets it be. Three of its allowances need a word:

* ``script-src blob:``: a component's inline JavaScript is imported from a Blob URL. Only script that already
  runs can make such a URL.
* ``script-src 'wasm-unsafe-eval'``: the 64-bit integers of Streamlit's messages are computed in a small
  WebAssembly module. It allows no evaluation of JavaScript; Plotly and Vega do without.
* ``style-src 'unsafe-inline'``: Streamlit's and Plotly's styling writes ``<style>`` elements at run time.

The client page (`app.server.client`) holds inline scripts; each is allowed by its digest, taken at start.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event

from app.streamlit_internals import METRICS_PATH
from cbam_core.errors import Message

logger = logging.getLogger(__name__)

_INLINE_SCRIPT: Final = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_MOST_REFUSALS_LOGGED: Final = 20

# Powerful features that no page needs are switched off; the camera is for this site's own pages only.
_PERMISSIONS: Final = ", ".join(
    [
        "camera=(self)",
        *(f"{name}=()" for name in ("geolocation", "microphone", "payment", "usb", "serial", "hid", "midi")),
    ]
)


def security_headers(embed_from: Sequence[str] = (), script_digests: Sequence[str] = ()) -> dict[str, str]:
    """The headers that every answer carries.

    Args:
        embed_from: origins of other sites whose pages may show the app in a frame, such as
            ``"https://course.example.org"``; this site itself always may.
        script_digests: CSP sources of the page's inline scripts, such as ``"'sha256-...'"``.
    """
    headers = {
        "Content-Security-Policy": _content_security_policy(embed_from, script_digests),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if not embed_from:
        # For browsers without frame-ancestors; it cannot name other sites, so it stays away if there are any.
        headers["X-Frame-Options"] = "SAMEORIGIN"
    return headers


def _content_security_policy(embed_from: Sequence[str], script_digests: Sequence[str]) -> str:
    directives = {
        "default-src": ["'self'"],
        "script-src": ["'self'", "blob:", "'wasm-unsafe-eval'", *script_digests],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "media-src": ["'self'", "data:", "blob:"],
        # 'self' covers ws: and wss: to the same host and port; the camera's image is fetched from a data: address.
        "connect-src": ["'self'", "data:"],
        "worker-src": ["'self'", "blob:"],
        "frame-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'", *embed_from],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def inline_script_digests(page: str) -> list[str]:
    """CSP sources that allow exactly the inline scripts of an HTML page."""
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(page)
    ]


class SecurityHeaders:
    """Adds headers to every HTTP answer as it starts; bodies and WebSockets pass through untouched.

    Args:
        app: the application inside.
        headers: names and values; a header that the application set itself is kept.
    """

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Event) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                present = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    present.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class SameOriginConnections:
    """Refuses a WebSocket that a page of another site opens, before Streamlit looks at it.

    Streamlit accepts every page of this machine, whatever its port, and to judge the rest it asks a server on
    the internet for this machine's public address. Here a page may connect to the host it came from, or come
    from ``server_address``. Programs that send no Origin are no browsers and gain nothing by this door.

    Args:
        app: the application inside.
        server_address: host name that visitors type when a proxy stands in front; empty for none.
    """

    def __init__(self, app: ASGIApp, server_address: str = "") -> None:
        self.app = app
        self.server_address = server_address.lower()
        self._log = _RefusalLog(
            "refused a connection from a page of %.200r; if that is a proxy in front of this server, start it with "
            "--server-address"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection, or refuses it."""
        if scope["type"] == "websocket" and not self._allowed(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": 1008})
            return
        await self.app(scope, receive, send)

    def _allowed(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return True
        try:
            parts = urlsplit(origin)
            same_host = bool(parts.netloc) and parts.netloc.lower() == headers.get("host", "").lower()
            known_name = bool(self.server_address) and parts.hostname == self.server_address
        except ValueError:
            same_host = known_name = False
        if same_host or known_name:
            return True
        self._log.note(origin)
        return False


class KnownNames:
    """Answers under the names that this server goes by; a page asked for under another one is one sentence.

    Streamlit sends its page under any name, and then refuses its live connection under most: a visitor would wait for
    ever. That happens behind a proxy that is not configured.

    Args:
        app: the application inside.
        names: host names in lower case; none where every name will do.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self.app = app
        self.names = frozenset(names)
        self._log = _RefusalLog(
            "refused to answer under the name %.200r; if that is what visitors type, start the server with "
            "--server-address"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection, or says why not."""
        if not self.names or scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        name = _name_of(headers.get("host", ""))
        is_page = scope["type"] == "http" and "text/html" in headers.get("accept", "")
        if name in self.names or not (is_page or scope["type"] == "websocket"):
            await self.app(scope, receive, send)
            return
        self._log.note(name)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        from app.session.words import preferred, sentence  # the server has Streamlit by now; its launch has not

        said = Message(
            "site.other-name",
            "this server does not answer under the name {name}; the operator can enable it with --server-address "
            "{name}",
            {"name": name[:200]},
        )
        await PlainTextResponse(sentence(said, preferred(headers.get("accept-language"))), 421)(scope, receive, send)


def _name_of(host: str) -> str:
    """The name in a Host header, without its port; "" where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class _RefusalLog:
    """Logs what was refused once for each name and never many: a hostile page must not be able to fill the log.

    Args:
        said: what is logged, with a place for the name.
    """

    def __init__(self, said: str) -> None:
        self.said = said
        self._noted: set[str] = set()

    def note(self, name: str) -> None:
        """Log a refusal, unless that was done before or often enough."""
        if name in self._noted or len(self._noted) >= _MOST_REFUSALS_LOGGED:
            return
        self._noted.add(name)
        logger.warning(self.said, name)


class MetricsDoor:
    """Answers 404 where Streamlit would show everyone how many visitors there are and how much memory they use.

    Args:
        app: the application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection, or says that there is nothing here."""
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith(METRICS_PATH):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        await self.app(scope, receive, send)
