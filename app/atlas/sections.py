"""The section of the page that is open."""

from __future__ import annotations

from app.session.choices import Choice

SECTION = Choice("atlas-section")


def open_section(name: str) -> None:
    """Open a section; for what a click in another one calls.

    Args:
        name: of the section, as an address has it.
    """
    SECTION.set(name)
    SECTION.remember()
