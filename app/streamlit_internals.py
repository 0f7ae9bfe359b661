"""All that the app uses of Streamlit without a promise that the next version has it; a test asks for each by its name.

Nothing is imported before it is needed: the launch sets Streamlit's options first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator as Container

    __all__ = ["Container"]

UPLOAD_PATH: Final = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)\Z")
"""End of the address that a browser sends a file to: session and file; ``refused_uploads.js`` knows it too."""

METRICS_PATH: Final = "/_stcore/metrics"
"""End of the address under which Streamlit says how many visitors there are."""

ANSWERS: Final = ("file_urls_response", "backend_operation_response")
"""Messages to a browser that answer a question of its own: where to send a file, what a deferred download holds."""


def this_session() -> str | None:
    """Name of the session whose page this thread makes; None outside of any, as while the server warms up."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx(suppress_warning=True)
    return None if context is None else context.session_id


def notes_of_run() -> dict[str, Any] | None:
    """What is noted while this thread makes the page of a session; None outside of any.

    Streamlit has one context for each thread that makes pages, and lets go of it with the thread.
    """
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx(suppress_warning=True)
    notes: dict[str, Any] | None = None if context is None else vars(context).setdefault("cbam_lens_notes", {})
    return notes


def in_fragment() -> bool:
    """Whether a part of a page is drawn by itself, and not the whole page."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and bool(context.fragment_ids_this_run)


def ended_sessions() -> Any:
    """Streamlit's store of sessions without a connection; None where it is not found.

    Its ``expire()`` takes out what was kept long enough, as pairs of a name and something with a ``session``.
    """
    from streamlit import runtime

    with suppress(AttributeError, RuntimeError):
        cache = runtime.get_instance()._session_mgr._session_storage._cache  # type: ignore[attr-defined]
        return cache if callable(getattr(cache, "expire", None)) else None
    return None


def uploaded_bytes() -> Mapping[str, Mapping[str, int]]:
    """Bytes of every uploaded file that Streamlit keeps now, by session and file."""
    from streamlit import runtime

    if not runtime.exists():
        return {}
    manager = runtime.get_instance().uploaded_file_mgr
    sessions: dict[str, dict[str, Any]] = getattr(manager, "file_storage", {})
    return {
        session: {file: len(record.data) for file, record in list(files.items())}
        for session, files in list(sessions.items())
    }


def files_in(held: Any) -> list[Any]:
    """Files that an uploader's value holds, for what a choice calls: without those that have been removed already.

    Args:
        held: value in the session's state; one file, several, or None.
    """
    listed = held if isinstance(held, list) else [held]
    return [file for file in listed if callable(getattr(file, "getvalue", None))]


def forget_uploaded(file: str) -> None:
    """Have Streamlit let go of an uploaded file of the running session, which it would keep until the visit ends.

    Args:
        file: Streamlit's name of it, ``file_id``.
    """
    from streamlit import runtime

    session = this_session()
    if session is not None and runtime.exists():
        manager: Any = runtime.get_instance().uploaded_file_mgr
        manager.remove_file(session, file)


def keep_answers() -> None:
    """Keep what a browser waits for when a run begins just as it asked.

    A run that begins drops what is queued for the browser and not yet sent. Among that may be the answer to where a
    file is to be sent, or to a download that is made when asked for: the browser would wait for it without end, and
    the file would be lost without a word.
    """
    from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

    clear = ForwardMsgQueue.clear
    if hasattr(clear, "__wrapped__"):  # done already
        return

    @wraps(clear)
    def keeping(queue: Any, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: Any = None) -> None:
        answers = [message for message in queue._queue if message.WhichOneof("type") in ANSWERS]
        clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
        if retain_lifecycle_msgs:
            queue._queue += [each for each in answers if not any(each is kept for kept in queue._queue)]

    ForwardMsgQueue.clear = keeping  # type: ignore[assignment,method-assign]


def client_file() -> Path:
    """The page that Streamlit sends to browsers."""
    from streamlit import file_util

    return Path(file_util.get_static_dir()) / "index.html"


def port_in_use() -> int:
    """The port that the server listens on, once it does."""
    from streamlit import config

    return int(config.get_option("server.port"))


@contextmanager
def without_config_files() -> Iterator[None]:
    """While inside, Streamlit finds no configuration and no secrets file, wherever it looks."""
    from streamlit import config

    original = config.get_config_files
    config.get_config_files = _no_files
    try:
        yield
    finally:
        config.get_config_files = original


def _no_files(file_name: str) -> list[str]:  # noqa: ARG001 - Streamlit names the file it wants
    return []


def media_address(content: bytes, media_type: str, name: str) -> str:
    """Have Streamlit serve bytes for as long as the page that is drawn is open; gives their address, from its root.

    Outside of a server, as in tests of pages, there is no address: "".

    Args:
        content: what is served.
        media_type: such as ``"image/jpeg"``.
        name: of the place on the page; another content of the same name takes its place.
    """
    from streamlit import runtime

    if not runtime.exists():
        return ""
    return runtime.get_instance().media_file_mgr.add(content, media_type, name)
