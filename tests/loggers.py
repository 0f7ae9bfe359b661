"""What libraries log reaches pytest by way of the root logger."""

from __future__ import annotations

import logging


def records_reach_the_root() -> None:
    """Have loggers that keep records to themselves pass them to the root's handlers too.

    Pytest puts its handlers there, and beside that gives two to each logger that keeps its records to itself, and
    takes them away again, three times for each test. Torch and Streamlit have 120 such loggers.
    """
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and not logger.propagate:
            logger.setLevel(logger.getEffectiveLevel())  # its parent may have decided
            logger.parent, logger.propagate = logging.root, True
