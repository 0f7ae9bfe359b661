"""How much may visitors upload? So many files and bytes each, and so many bytes together: pure ASGI, nothing buffered.

Streamlit bounds the size of one file. It keeps whatever a session sends until the session ends, images that a page
does not want included, so the number of files and their sum are bounded here, before a body is read.
"""

from __future__ import annotations

import os
from asyncio import Lock, sleep
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Part

from app.server.options import MAX_UPLOAD_MEGABYTES
from app.streamlit_internals import UPLOAD_PATH, uploaded_bytes
from cbam_core.errors import Message

MOST_FILES: Final = 100
"""Files that one visitor may have on the server at once."""

MOST_MEGABYTES: Final = 300
"""Their sum: one checkpoint of the largest size, and images."""

MOST_MEGABYTES_TOGETHER: Final = 1000
"""Of all visitors; the environment's ``CBAM_UPLOADS_MEGABYTES`` decides otherwise."""

TOGETHER_VARIABLE: Final = "CBAM_UPLOADS_MEGABYTES"

_MEGABYTE: Final = 1024 * 1024
_MOST_OF_ONE: Final = (MAX_UPLOAD_MEGABYTES + 1) * _MEGABYTE
"""Of one body, bytes: the file, and what Streamlit allows for the form around it."""

_MOST_DRAINED: Final = 64 * _MEGABYTE
"""Bytes that are read of a refused body; a connection that sends more is closed."""

FULL: Final = "upload.server-full"

REFUSED: Final = "X-Upload-Refused"
"""Header of a refusal: its code. The sentence that goes with it is the answer's body."""


@dataclass(frozen=True)
class Limits:
    """Upper bounds.

    Attributes:
        files: of one session.
        bytes: of one session.
        bytes_together: of all sessions.
    """

    files: int = MOST_FILES
    bytes: int = MOST_MEGABYTES * _MEGABYTE
    bytes_together: int = MOST_MEGABYTES_TOGETHER * _MEGABYTE


def limits_of_environment() -> Limits:
    """The limits, as far as the operator has a say."""
    asked = os.environ.get(TOGETHER_VARIABLE, "")
    return Limits(bytes_together=int(asked) * _MEGABYTE) if asked.isdecimal() and int(asked) else Limits()


Held = Mapping[str, Mapping[str, int]]
"""Bytes of every file that is kept, by session and file."""


class UploadLimits:
    """Refuses an upload that a session, or the server, has no room for.

    What is on its way counts as well, with the size that it announces, so that many uploads at once gain nothing.

    Args:
        app: the application inside.
        limits: what may be kept.
        held: gives what is kept.
    """

    def __init__(self, app: ASGIApp, limits: Limits, held: Callable[[], Held] = uploaded_bytes) -> None:
        self.app = app
        self.limits = limits
        self.held = held
        self._coming: Counter[tuple[str, str, int]] = Counter()
        self._turn = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection, or refuses it."""
        upload = UPLOAD_PATH.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if upload is None:
            await self.app(scope, receive, send)
            return
        receive = self._paced(receive)
        session, file = upload.groups()
        size = _announced(Headers(scope=scope))
        refusal = self._refusal(session, file, size)
        if refusal is not None:
            from app.session.words import preferred, sentence  # the server has Streamlit by now; its launch has not

            await _drain(receive)  # a browser that is cut off while it sends does not see the answer
            status = 503 if refusal.code == FULL else 413
            said = sentence(refusal, preferred(Headers(scope=scope).get("accept-language")))
            headers = {REFUSED: refusal.code} | ({"Retry-After": "120"} if status == 503 else {})
            answer = PlainTextResponse(said, status, headers)
            await answer(scope, receive, send)
            return
        entry = (session, file, size)
        self._coming[entry] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._coming[entry] -= 1
            if not self._coming[entry]:
                del self._coming[entry]

    def _paced(self, receive: Receive) -> Receive:
        """Pass parts of bodies on one by one, with other requests in between.

        Without that, bodies that arrive together are read together, and meanwhile the server answers no one. Parts that
        were not passed on yet are not read from their connections either.
        """

        async def next_part() -> Part:
            part = await receive()
            async with self._turn:
                await sleep(0)
            return part

        return next_part

    def _refusal(self, session: str, file: str, size: int) -> Message | None:
        if size > _MOST_OF_ONE:
            return Message(
                "upload.too-large",
                "this file is larger than {limit} MB, the limit for one file; make it smaller",
                {"limit": MAX_UPLOAD_MEGABYTES},
            )
        held = self.held()
        coming = [size for (of, _, size), count in self._coming.items() if of == session for _ in range(count)]
        own = [of_one for name, of_one in held.get(session, {}).items() if name != file]  # that one is replaced
        if len(own) + len(coming) >= self.limits.files:
            return Message(
                "upload.too-many",
                "{count} of your files are already on the server, the limit for one visitor; remove some, or reload "
                "the page to start over",
                {"count": self.limits.files},
            )
        if sum(own) + sum(coming) + size > self.limits.bytes:
            return Message(
                "upload.too-much",
                "your files would take more than {limit} MB on the server, the limit for one visitor; remove some, "
                "or reload the page to start over",
                {"limit": self.limits.bytes // _MEGABYTE},
            )
        together = sum(sum(files.values()) for files in held.values())
        together += sum(of_one * count for (_, _, of_one), count in self._coming.items())
        if together + size > self.limits.bytes_together:
            return Message(
                FULL,
                "the memory that this server reserves for uploads is full; try again in a few minutes",
            )
        return None


def _announced(headers: Headers) -> int:
    """Bytes of a body; of one that does not say, as many as Streamlit reads of any."""
    size = headers.get("content-length", "")
    return int(size) if size.isdecimal() else _MOST_OF_ONE


async def _drain(receive: Receive) -> None:
    left = _MOST_DRAINED
    while left > 0:
        event = await receive()
        if event["type"] != "http.request" or not event.get("more_body", False):
            return
        left -= len(event.get("body", b""))


def keep_uploads_in_memory() -> None:
    """Has files of a form kept in memory while they arrive; larger ones would go through a file on disk."""
    MultiPartParser.spool_max_size = _MOST_OF_ONE


def uploads_stay_in_memory() -> bool:
    """Whether that was done; not where Streamlit was started without us."""
    return MultiPartParser.spool_max_size >= _MOST_OF_ONE
