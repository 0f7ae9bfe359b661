"""What libraries log reaches pytest by way of the root logger."""

from __future__ import annotations

import logging
from typing import Any


def records_reach_the_root() -> None:
    """Have loggers that keep records to themselves pass them to the root's handlers too.

    Pytest puts its handlers there, and beside that gives two to each logger that keeps its records to itself, and
    takes them away again, three times for each test. Torch and Streamlit have 120 such loggers.
    """
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and not logger.propagate:
            logger.setLevel(logger.getEffectiveLevel())  # its parent may have decided
            logger.parent, logger.propagate = logging.root, True


class Loggers(dict[str, Any]):
    """All loggers by name; who goes through them, as pytest does before each test, is not disturbed by a new one.

    A thread that an earlier test began may import a module, which asks for its logger.
    """

    def values(self) -> list[Any]:  # type: ignore[override]
        return list(super().values())


def loggers_may_be_made_meanwhile() -> None:
    """Let threads make loggers while others go through all of them."""
    logging.root.manager.loggerDict = Loggers(logging.root.manager.loggerDict)
