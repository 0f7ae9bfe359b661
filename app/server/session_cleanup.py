"""What becomes of visits that ended, and of what runs leave behind: forgotten on time, and their memory given back.

Streamlit keeps a session for a while after its page was closed, for a connection that comes back. When that time is
over it drops the session with the next one that ends, and not before: on a quiet server, images of the last visitors
would lie in memory until another visitor comes and leaves.

Streamlit can also collect rubbish after every run, which walks through all sessions each time. With fifty of them that
took more time than the run, so it is switched off, and done here.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
from contextlib import suppress
from typing import Final

from app.streamlit_internals import ended_sessions

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 15.0
"""Seconds between two looks."""


async def look_after_visits(every: float = LOOK_EVERY) -> None:
    """Until cancelled; to be run on the server's event loop, where sessions come and go."""
    sessions = ended_sessions()
    if sessions is None:
        logger.warning("this version of Streamlit keeps ended sessions elsewhere; they are dropped when it chooses to")
    while True:
        await asyncio.sleep(every)
        ended = sessions.expire() if sessions is not None else []
        for _, kept in ended:
            try:
                kept.session.shutdown()  # drops what was uploaded and remembered, without waiting for the collector
            except Exception:  # the next visits are to be dropped all the same
                logger.exception("an ended visit could not be dropped")
        await asyncio.to_thread(_collect, trim=bool(ended))


def _collect(*, trim: bool) -> None:
    """Free what holds itself in circles, as sessions do.

    Args:
        trim: give memory that was freed back to the system, which the C library otherwise keeps.
    """
    gc.collect()
    if trim:
        with suppress(OSError, AttributeError):  # other systems have no such call
            ctypes.CDLL(None).malloc_trim(0)
