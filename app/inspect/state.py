"""What is kept of a visit to Inspect: the viewer's settings, which each viewer begins with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.session.choices import Choice, Generation, Remembered
from cbam_core.viewer import Settings

_SETTINGS: Remembered[Mapping[str, Any]] = Remembered("inspect-settings", dict)
_VIEWERS = Generation("inspect-viewers")


def viewer(name: str) -> Choice:
    """The attention viewer of a source: another widget after an address asked for other settings."""
    return Choice(f"{name}-viewer", _VIEWERS)


def settings_to_begin_with(viewer: Choice) -> Mapping[str, Any]:
    """Changes of settings that a viewer begins with: those of the one that was looked at last.

    They stay while it is on the page: it would take others for a wish of the page, and let go of the visitor's.
    """
    changes: Mapping[str, Any] = viewer.start(_SETTINGS.get())
    return changes


def begin_with_settings(changes: Mapping[str, Any]) -> None:
    """Have every viewer begin with the settings of an address.

    Args:
        changes: of the usual settings.
    """
    if changes != _SETTINGS.get():
        _SETTINGS.set(changes)
        _VIEWERS.advance()


def keep_settings(chosen: Settings, usual: Settings, *, without: Collection[str] = ()) -> None:
    """Keep what the visitor changed, for the next viewer.

    Args:
        chosen: what the viewer shows.
        usual: what it would show if nothing had been chosen.
        without: settings that there was no choice of.
    """
    now, before = chosen.as_dict(), usual.as_dict()
    changed = {name: value for name, value in now.items() if value != before[name]}
    no_choice = {name: value for name, value in _SETTINGS.get().items() if name in without}
    _SETTINGS.set(no_choice | changed)
