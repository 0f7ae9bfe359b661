"""What becomes of visits that ended: forgotten on time, and their memory given back.

Streamlit keeps a session for a while after its page was closed, for a connection that comes back. When that time is
over it drops the session with the next one that ends, and not before: on a quiet server, pictures of the last visitors
would lie in memory until somebody else comes and goes.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
from contextlib import suppress
from typing import Any, Final

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 15.0
"""Seconds between two looks."""


async def forget_ended_visits(every: float = LOOK_EVERY) -> None:
    """Look after visits until cancelled; to be run on the server's event loop, where sessions come and go."""
    sessions = _ended_sessions()
    if sessions is None:
        logger.warning("this version of Streamlit keeps ended sessions elsewhere; they are dropped when it chooses to")
        return
    while True:
        await asyncio.sleep(every)
        if ended := sessions.expire():
            for _, kept in ended:
                kept.session.shutdown()  # drops what was uploaded and remembered, without waiting for the collector
            await asyncio.to_thread(_give_back)


def _ended_sessions() -> Any:
    """Streamlit's store of sessions without a connection; None where it is not found."""
    from streamlit import runtime

    with suppress(AttributeError, RuntimeError):
        cache = runtime.get_instance()._session_mgr._session_storage._cache  # type: ignore[attr-defined]
        return cache if callable(getattr(cache, "expire", None)) else None
    return None


def _give_back() -> None:
    """Sessions hold themselves in circles, and the C library holds what was freed."""
    gc.collect()
    with suppress(OSError, AttributeError):  # other systems have no such call
        ctypes.CDLL(None).malloc_trim(0)
