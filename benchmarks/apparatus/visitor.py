"""A visitor without a browser: speaks to our server as Streamlit's page does, over a real WebSocket.

`Page` keeps what a browser would: widgets, their values, and messages that need not be sent again. It does no input or
output of its own. `Visitor` brings a connection to it, for programs that look after one visitor at a time.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

STREAM = "/_stcore/stream"
PROTOCOL = "streamlit"
_PREFIX = len("$$ID-") + 32 + len("-")
_MOST_AGE = 2
"""Runs after which a message that was not needed is forgotten; Streamlit tells browsers the same."""


class Page:
    """What a browser knows of the page that it shows.

    Attributes:
        session: name of the visitor's session on the server.
        elements: every widget that ever came, by its key and by its label.
        texts: Markdown that came since the last `forget`.
        errors: warnings and errors that came since then.
    """

    def __init__(self) -> None:
        self.session = ""
        self.elements: dict[str, Any] = {}
        self.texts: list[str] = []
        self.errors: list[str] = []
        self._fragments: dict[str, str] = {}
        self._states: dict[str, WidgetState] = {}
        self._known: dict[str, tuple[ForwardMsg, int]] = {}
        self._run = 0
        self._of = ""
        self._script = ""

    def opened(self, query: str = "") -> bytes:
        """What a browser sends first.

        Args:
            query: of the address.
        """
        message = BackMsg()
        message.rerun_script.query_string = query
        return message.SerializeToString()

    def received(self, content: bytes) -> ForwardMsg:
        """Take in one message of the server."""
        message = ForwardMsg.FromString(content)
        if message.WhichOneof("type") == "ref_hash":
            known = ForwardMsg()
            known.CopyFrom(self._known[message.ref_hash][0])
            known.metadata.CopyFrom(message.metadata)
            message = known
        if message.metadata.cacheable:
            self._known[message.hash] = (message, self._run)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id or self.session
            self._script = message.new_session.page_script_hash
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._take(message.delta.new_element, message.delta.fragment_id)
        elif kind == "script_finished":
            self._age()
        return message

    def changed(self, key: str, **value: Any) -> bytes:
        """What a browser sends when the visitor changes a widget.

        Args:
            key: of the widget.
            **value: one field of Streamlit's `WidgetState`; ``json_value`` takes anything that JSON can say.

        Raises:
            LookupError: no such widget ever came.
        """
        if key not in self.elements:
            raise LookupError(f"there is no {key} on the page, which says {self.errors or self.texts}")
        element = self.elements[key]
        ((field, given),) = value.items()
        state = WidgetState(id=element.id)
        if field == "json_value":
            state.json_value = json.dumps(given)
        elif field == "string_array_value":
            state.string_array_value.data.extend(given)
        elif field == "file_uploader_state_value":
            state.file_uploader_state_value.CopyFrom(given)
        else:
            setattr(state, field, given)
        kept = {**self._states, element.id: state}
        if field != "trigger_value":
            self._states = kept
        message = BackMsg()
        run = message.rerun_script
        run.widget_states.widgets.extend(kept.values())
        run.page_script_hash = self._script
        run.fragment_id = self._of = self._fragments[key]
        run.cached_message_hashes.extend(self._known)
        return message.SerializeToString()

    def forget(self) -> None:
        """Forget what was shown, so that what comes next is told from it; widgets stay known."""
        self.texts.clear()
        self.errors.clear()

    def _age(self) -> None:
        """Let go of messages that were not needed in the last runs of their part of the page, as a browser does."""
        self._run += 1
        for name, (message, run) in list(self._known.items()):
            if message.delta.fragment_id == self._of and run <= self._run - 1 - _MOST_AGE:
                del self._known[name]

    def _take(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        part = getattr(element, kind)
        if kind == "alert":
            self.errors.append(part.body)
        elif kind == "markdown":
            self.texts.append(part.body)
        name = getattr(part, "id", "")
        if name:
            for key in {name[_PREFIX:], getattr(part, "label", "")} - {"", "None"}:
                self.elements[key] = part
                self._fragments[key] = fragment


class Visitor:
    """One visitor with a connection of their own.

    Args:
        address: of the server, such as ``"http://127.0.0.1:8501"``.
        connection: to it.

    Attributes:
        page: what they see.
        seen: all that the server ever sent, as it came.
        patience: seconds that they wait for an answer.
    """

    def __init__(self, address: str, connection: ClientConnection) -> None:
        self.address = address
        self.connection = connection
        self.page = Page()
        self.seen = b""
        self.patience = 60.0

    def open(self, query: str = "") -> None:
        """Open the page and wait until it has come."""
        self.connection.send(self.page.opened(query))
        self.wait()

    def change(self, key: str, **value: Any) -> None:
        """Change a widget, see `Page.changed`, and wait until its consequences have come."""
        self.page.forget()
        self.connection.send(self.page.changed(key, **value))
        self.wait()

    def wait(self) -> None:
        """Wait for the end of a run."""
        while self._receive(self.patience).WhichOneof("type") != "script_finished":
            pass

    def _receive(self, seconds: float) -> ForwardMsg:
        content = bytes(self.connection.recv(timeout=seconds))  # type: ignore[arg-type]
        self.seen += content
        return self.page.received(content)

    def put(self, name: str, content: bytes, *, session: str | None = None, file: str | None = None) -> tuple[int, str]:
        """Send a file as the uploader does, without telling the page; return status and text of the answer.

        Args:
            name: of the file.
            content: of the file.
            session: whose it shall be; None: this visitor's.
            file: its identifier; None: one that the server gives.
        """
        file = self.file_urls(name)[0] if file is None else file
        token = self._token()
        boundary = "a-boundary-that-is-in-no-picture"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        request = urllib.request.Request(
            f"{self.address}/_stcore/upload_file/{session or self.page.session}/{file}",
            data=head.encode() + content + f"\r\n--{boundary}--\r\n".encode(),
            method="PUT",
            headers={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "X-Xsrftoken": token,
                "Cookie": f"_streamlit_xsrf={token}",
            },
        )
        return fetch(request, self.patience)

    def upload(self, key: str, files: dict[str, bytes], *, stop_at: bytes = b"") -> None:
        """Give files to an uploader, and wait until the page has made something of them.

        Args:
            key: of the uploader.
            files: by name.
            stop_at: what the visitor waits for to press Stop; nothing: they wait to the end.
        """
        from streamlit.proto.Common_pb2 import FileUploaderState

        state = FileUploaderState()
        for name, content in files.items():
            file, urls = self.file_urls(name)
            status, text = self.put(name, content, file=file)
            if status != 204:
                raise ValueError(f"{name}: {status} {text}")
            given = state.uploaded_file_info.add()
            given.file_id, given.name, given.size = file, name, len(content)
            given.file_urls.CopyFrom(urls)
        if not stop_at:
            self.change(key, file_uploader_state_value=state)
            return
        self.connection.send(self.page.changed(key, file_uploader_state_value=state))
        begun = len(self.seen)
        while stop_at not in self.seen[begun:]:
            self._receive(self.patience)
        self.connection.send(BackMsg(stop_script=True).SerializeToString())
        self.wait()

    def file_urls(self, name: str) -> tuple[str, Any]:
        """Ask the server where a file may be sent; the file's identifier, and Streamlit's message."""
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.page.session
        self.connection.send(message.SerializeToString())
        while True:
            answer = self._receive(self.patience)
            if answer.WhichOneof("type") == "file_urls_response":
                urls = answer.file_urls_response.file_urls[0]
                return urls.file_id, urls

    def download(self, key: str) -> bytes:
        """Press a download button whose file is made when asked for."""
        message = BackMsg()
        request = message.backend_operation_request
        request.request_id = f"download-{key}"
        request.session_id = self.page.session
        request.deferred_file.file_id = self.page.elements[key].deferred_file_id
        self.connection.send(message.SerializeToString())
        while True:
            answer = self._receive(2 * self.patience)
            if answer.WhichOneof("type") == "backend_operation_response":
                response = answer.backend_operation_response
                if response.error_msg:
                    raise ValueError(response.error_msg)
                with urllib.request.urlopen(self.address + response.deferred_file.url, timeout=60) as file:
                    content: bytes = file.read()
                    return content

    def _token(self) -> str:
        with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=self.patience) as answer:
            cookie = str(answer.headers["Set-Cookie"])
        return cookie.partition("_streamlit_xsrf=")[2].partition(";")[0]


def fetch(request: urllib.request.Request | str, patience: float = 60) -> tuple[int, str]:
    """Status and text of an answer, of refusals too; `patience` is in seconds."""
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def stream_of(address: str) -> str:
    """Address of the WebSocket of a server."""
    return address.replace("http", "ws", 1).rstrip("/") + STREAM


@contextmanager
def visiting(address: str, session: str = "") -> Iterator[Visitor]:
    """A visitor who has opened nothing yet, and leaves in the end.

    Args:
        address: of the server.
        session: which a lost connection belonged to; empty for a new one.
    """
    parts = urllib.parse.urlsplit(address)
    origin: Any = f"{parts.scheme}://{parts.netloc}"
    # Streamlit takes a session that comes back from the third place of the list of protocols.
    protocols: list[Any] = [PROTOCOL, "no-token", session] if session else [PROTOCOL]
    with connect(stream_of(address), origin=origin, subprotocols=protocols, max_size=None) as connection:
        yield Visitor(address.rstrip("/"), connection)
