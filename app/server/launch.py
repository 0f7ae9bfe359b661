"""Starts the web app: one call that checks the address, warms up, says where it is, and serves until stopped.

`serve` is the lazy edge from ``cbam app``. Which options Streamlit runs with is `app.server.options`; headers
and connections are `app.server.security`, uploads `app.server.upload_limits`; the page itself is ``app/main.py``, which
also runs without this launcher.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import platform
import re
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.server.client import client_page, client_routes, page_names
from app.server.greeting import greeting
from app.server.options import allowed_hosts, is_wildcard, launch_options
from app.server.security import (
    KnownNames,
    MetricsDoor,
    SameOriginConnections,
    SecurityHeaders,
    inline_script_digests,
    security_headers,
)
from app.server.session_cleanup import look_after_visits
from app.server.upload_limits import UploadLimits, keep_uploads_in_memory, limits_of_environment
from app.streamlit_internals import keep_answers, port_in_use, without_config_files
from cbam_core.errors import CbamError, LaunchError, Message

if TYPE_CHECKING:
    from streamlit.starlette import App

logger = logging.getLogger(__name__)

METRICS_VARIABLE: Final = "CBAM_METRICS"
"""Set to 1, Streamlit's metrics are served to all who can reach the server."""

SWITCH_EVERY: Final = 0.0005
"""Seconds that one thread computes while others wait. The server listens in one thread, and a crowd's pages are made in
many: with Python's usual 5 ms, it would answer a request after seconds."""

MAIN_SCRIPT: Final = Path(__file__).resolve().parents[1] / "main.py"
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_BASE_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*)?")
_ORIGIN: Final = re.compile(r"https?://(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?")


@dataclass(frozen=True)
class PublishedAddress:
    """Where the app is published.

    Attributes:
        host: address to listen on.
        port: port to listen on, 0 to 65535; 0 lets the system choose.
        server_address: host name that visitors type when a proxy stands in front; empty for none.
        base_path: path below which a proxy publishes the app, without slashes around it; empty for the root.
        embed_from: origins of other sites that may show the app in a frame.

    Raises:
        LaunchError: when a value cannot be meant.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    server_address: str = ""
    base_path: str = ""
    embed_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise LaunchError(
                "launch.bad-port",
                "{port} is not a port; choose one from 1 to 65535, or 0 for any free one",
                port=self.port,
            )
        if self.server_address and not _HOST_NAME.fullmatch(self.server_address):
            raise LaunchError(
                "launch.bad-server-address",
                "'{address}' is not a host name; give the name that visitors type, without scheme, port "
                "or path, as in lens.example.org",
                address=self.server_address,
            )
        if not _BASE_PATH.fullmatch(self.base_path):
            raise LaunchError(
                "launch.bad-base-path",
                "'{path}' cannot be the path of the app; use letters, digits, '.', '_', '~', '-' and single "
                "slashes, as in tools/lens",
                path=self.base_path,
            )
        if self.base_path.rpartition("/")[2] in page_names():
            raise LaunchError(
                "launch.base-path-is-page",
                "the path '{path}' ends in the name of a page of the app; choose another one, as in tools/lens",
                path=self.base_path,
            )
        for origin in self.embed_from:
            if not _ORIGIN.fullmatch(origin):
                raise LaunchError(
                    "launch.bad-embed-origin",
                    "'{origin}' is not a site that may embed the app; give scheme and host only, as in "
                    "https://course.example.org",
                    origin=origin,
                )

    def url(self, port: int, host: str | None = None) -> str:
        """The address to open, for the port really in use.

        Args:
            port: the port.
            host: address of this machine that the browser uses; None for a browser on this machine.
        """
        if host is None:
            host = "localhost" if is_wildcard(self.host) else self.host
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{port}" + (f"/{self.base_path}" if self.base_path else "")


@dataclass
class Readiness:
    """What has happened so far: shared by the warm-up, ``/api/ready`` and the end of `serve`."""

    ready: bool = False
    failure: Exception | None = field(default=None, repr=False)

    async def answer(self, _: Request) -> JSONResponse:
        """200 once visitors are served in full, else 503; while it starts or stops it mostly gives no answer at all."""
        body: dict[str, object] = {"status": "ready" if self.ready else "starting"}
        if self.ready:
            body["versions"] = _versions()
        return JSONResponse(body, 200 if self.ready else 503, headers={"Cache-Control": "no-store"})


def serve(
    host: str = "127.0.0.1",
    port: int = 8501,
    *,
    server_address: str | None = None,
    base_path: str | None = None,
    embed_from: Sequence[str] | None = None,
    script: Path = MAIN_SCRIPT,
    warm_up: Callable[[], object] | None = None,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Runs the web app until it is stopped (Ctrl+C or SIGTERM).

    Args:
        host: address to listen on; ``"0.0.0.0"`` is every network of this machine.
        port: port to listen on; 0 takes any free one.
        server_address: host name that visitors type when a proxy stands in front. None: the environment's
            ``CBAM_SERVER_ADDRESS``.
        base_path: path below which a proxy publishes the app. None: ``CBAM_BASE_PATH``.
        embed_from: origins of other sites that may show the app in a frame. None: ``CBAM_EMBED_FROM``,
            separated by spaces.
        script: the page.
        warm_up: what has to be done before the first visitor; it may return a function, for what can be done while
            visitors are served. None: `app.shell.warm_up`.
        announce: takes each line for the person who started the server. None: standard output.

    Raises:
        LaunchError: when the address cannot be listened on, or an argument cannot be meant.
        CbamError: what the warm-up found wrong, such as a missing checkpoint.
    """
    address = _published_address(host, port, server_address, base_path, embed_from)
    check_address(address.host, address.port)
    readiness = Readiness()
    app = build(script, address, readiness, warm_up or _warm_up_services, announce or _print_line)
    options = launch_options(
        address.host,
        address.port,
        server_address=address.server_address,
        base_path=address.base_path,
        framed=bool(address.embed_from),
    )
    try:
        with without_config_files(), _quiet_server_log(readiness), _arguments([str(script)]):
            app.run(config=options)
    except KeyboardInterrupt:
        return
    except SystemExit as stopped:
        # Streamlit leaves this way when the address was taken since the check, or when the warm-up failed.
        if readiness.failure is not None:
            raise readiness.failure from None
        if stopped.code:
            raise _address_in_use(address.port) from None


def _published_address(
    host: str, port: int, server_address: str | None, base_path: str | None, embed_from: Sequence[str] | None
) -> PublishedAddress:
    """Where the app is served; the environment says what arguments do not."""
    return PublishedAddress(
        host,
        port,
        (os.environ.get("CBAM_SERVER_ADDRESS", "") if server_address is None else server_address).strip(),
        (os.environ.get("CBAM_BASE_PATH", "") if base_path is None else base_path).strip().strip("/"),
        tuple(os.environ.get("CBAM_EMBED_FROM", "").split() if embed_from is None else embed_from),
    )


def build(
    script: Path,
    address: PublishedAddress,
    readiness: Readiness,
    warm_up: Callable[[], object],
    announce: Callable[[str], None],
) -> App:
    """The ASGI application: Streamlit's, with our warm-up and route, and what guards it around it."""
    import streamlit as st

    @asynccontextmanager
    async def lifespan(_: App) -> AsyncIterator[None]:
        try:
            rest = warm_up()
        except Exception as error:
            readiness.failure = error
            raise
        finally:
            gc.enable()  # `cbam app` disables it for the start
        readiness.ready = True
        looking = asyncio.create_task(look_after_visits())
        finishing = asyncio.create_task(finish_warm_up(rest))
        for line in greeting(address, port_in_use()):
            announce(line)
        yield
        readiness.ready = False
        looking.cancel()
        await finishing

    # A container asks at the root, a proxy below its path.
    paths = {"/api/ready", f"/{address.base_path}/api/ready".replace("//", "/")}
    sys.setswitchinterval(SWITCH_EVERY)
    keep_uploads_in_memory()
    keep_answers()
    page = client_page()
    headers = security_headers(address.embed_from, inline_script_digests(page))
    names = [name.lower() for name in allowed_hosts(address.host, address.server_address)]
    return st.App(
        script,
        lifespan=lifespan,
        routes=[*(Route(path, readiness.answer) for path in sorted(paths)), *client_routes(page, address.base_path)],
        middleware=[
            Middleware(SecurityHeaders, headers=headers),
            Middleware(KnownNames, names=names),
            Middleware(SameOriginConnections, server_address=address.server_address),
            Middleware(UploadLimits, limits=limits_of_environment()),
            *([] if os.environ.get(METRICS_VARIABLE) == "1" else [Middleware(MetricsDoor)]),
        ],
        on_script_error=show_failure,
    )


async def finish_warm_up(rest: object) -> None:
    """Do what the warm-up left, beside visitors; a failure is of the page that needs it."""
    if callable(rest):
        try:
            await asyncio.to_thread(rest)
        except Exception:
            logger.exception("what was left of the warm-up failed")


def show_failure(error: Exception) -> bool:
    """Say in one sentence that the page failed; Streamlit has logged the traceback by then.

    Returns:
        True: the exception itself is not shown.
    """
    import streamlit as st

    from app.session.words import sentence

    if isinstance(error, CbamError):
        st.error(sentence(error))
        return True
    reference = secrets.token_hex(3)
    logger.error("page failed, reference %s: %r", reference, error)
    message = Message(
        "app.page-failed",
        "an error occurred on the server while this page was being built; it is in the log as {reference}",
        {"reference": reference},
    )
    st.error(sentence(message))
    return True


def check_address(host: str, port: int) -> None:
    """Raises a `LaunchError` in one sentence when the address cannot be listened on."""
    if not host:  # to the system it means every network: too much for a variable that was left empty
        raise _not_an_address(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            if os.name != "nt":  # there it would hide a port in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _address_in_use(port) from None
        if error.errno == errno.EACCES:
            raise LaunchError(
                "launch.port-not-allowed",
                "this user may not listen on port {port}; choose one above 1023 with --port",
                port=port,
            ) from None
        raise _not_an_address(host) from None


def _not_an_address(host: str) -> LaunchError:
    return LaunchError(
        "launch.address-not-here",
        "cannot listen on '{host}': it is not an address of this machine; use 127.0.0.1 for this machine "
        "only or 0.0.0.0 for every network, with --host",
        host=host,
    )


def _address_in_use(port: int) -> LaunchError:
    return LaunchError("launch.port-in-use", "port {port} is in use; choose another with --port", port=port)


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("cbam-lens", "streamlit", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that was never installed
            found[package] = "unknown"
    return found


def _warm_up_services() -> Callable[[], None]:
    from app.shell.warm_up import warm_up

    return warm_up()


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()  # a program that waits for this line may read it from a pipe


@contextmanager
def _arguments(arguments: list[str]) -> Iterator[None]:
    # Streamlit takes the started program for the app's entry point and puts its folder on the import path:
    # with the page in its place that is app/, as under `streamlit run`, and not wherever `cbam` is installed.
    original, original_path = sys.argv, sys.path[:]
    sys.argv = arguments
    try:
        yield
    finally:
        sys.argv, sys.path[:] = original, original_path


@contextmanager
def _quiet_server_log(readiness: Readiness) -> Iterator[None]:
    """Keep uvicorn's routine messages from the terminal, and a failed warm-up from being reported twice."""

    def worth_reading(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING and readiness.failure is None

    log = logging.getLogger("uvicorn.error")
    log.addFilter(worth_reading)
    try:
        yield
    finally:
        log.removeFilter(worth_reading)
