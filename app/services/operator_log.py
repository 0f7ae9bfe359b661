"""What the operator has to hear of, and visitors cannot help: a line in the log, once and not at every step."""

from __future__ import annotations

import logging
from functools import cache


@cache
def tell_operator(said: str) -> None:
    """Write a line into the log, the first time that it is said."""
    logging.getLogger("cbam_lens").warning(said)
