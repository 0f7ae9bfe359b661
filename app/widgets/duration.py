"""A span of time as a visitor reads it."""

from __future__ import annotations

from app.session.words import Words

WORDS = Words({"seconds": "{seconds:.0f} s", "minutes": "{minutes} min", "hours": "{hours} h {minutes} min"})


def duration(seconds: float) -> str:
    """A span of time, rounded to what matters.

    Args:
        seconds: how long it is.
    """
    if seconds < 90:
        return WORDS["seconds"].format(seconds=seconds)
    minutes = round(seconds / 60)
    if minutes < 90:
        return WORDS["minutes"].format(minutes=minutes)
    return WORDS["hours"].format(hours=minutes // 60, minutes=minutes % 60)
