"""Inspect's address: which image, how it is fitted or was found, and the viewer's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from app.session.links import Readers, one_of, read_name, read_share, read_text, read_yes
from app.widgets.image import address as image
from cbam_core.results.look import Reading, Scale
from cbam_core.viewer import Settings
from cbam_core.viewer.origin import DRAWN
from cbam_core.viewer.payload import ChannelOrder, PictureId


def _read_place(text: str) -> tuple[float, float] | None:
    """A place in percent of the input's width and height: ``39.1~23.4``."""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9])?)~([0-9]{1,3}(?:\.[0-9])?)", text)
    place = None if found is None else (float(found[1]), float(found[2]))
    return None if place is None or max(place) > 100 else place


def _read_channel(text: str) -> tuple[str, int] | None:
    """A channel by the name of its block: ``stage2.1.cbam~17``."""
    block, _, channel = text.rpartition("~")
    return (block, int(channel)) if read_text(block) and re.fullmatch(r"[0-9]{1,5}", channel) else None


def _read_gate(text: str) -> tuple[str, str] | None:
    """A gate by the name of its block and its kind: ``stage2.1.cbam~spatial``."""
    block, _, kind = text.rpartition("~")
    return (block, kind) if read_text(block) and kind in DRAWN else None


PARAMETERS: Readers = {
    **image.PARAMETERS,
    "colours": read_name,
    "scale": one_of(*get_args(Scale)),
    "opacity": read_share,
    "smooth": read_yes,
    "picture": one_of(*get_args(PictureId)),
    "order": one_of(*get_args(ChannelOrder)),
    "reading": one_of(*get_args(Reading)),
    "block": read_text,
    "place": _read_place,
    "channel": _read_channel,
    "origin": _read_gate,
}

SETTINGS = tuple(Settings().as_dict())
"""Settings of the attention viewer that an address can name."""


def settings_as_parameters(settings: Settings, usual: Settings) -> dict[str, Any]:
    """The viewer's settings that are not the usual ones, by the parameters' names."""
    now, before = settings.as_dict(), usual.as_dict()
    changed = {name: now[name] for name in SETTINGS if now[name] != before[name] and name != "reading"}
    if settings.reading != _implied_reading(changed, usual.reading):
        changed["reading"] = settings.reading
    return _by_parameter(changed)


def all_as_parameters(settings: Settings) -> dict[str, Any]:
    """All of the viewer's settings by the parameters' names, usual or not."""
    return _by_parameter(settings.as_dict())


def settings_of(parameters: Mapping[str, Any], first: Reading = "values") -> dict[str, Any]:
    """What `settings_as_parameters` made, as changes of settings.

    Args:
        parameters: of an address.
        first: reading of the usual settings.
    """
    changes = {name: parameters[name] for name in SETTINGS if name in parameters and name not in ("image", "reading")}
    if "picture" in parameters:
        changes["image"] = parameters["picture"]
    reading = parameters.get("reading", _implied_reading(changes, first))
    return changes if reading == first else changes | {"reading": reading}


def _by_parameter(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by the parameters' names."""
    return {"picture" if name == "image" else name: value for name, value in settings.items()}


def _implied_reading(changes: Mapping[str, Any], first: Reading) -> Reading:
    """The reading that an address means without naming it.

    Addresses named settings before there were readings; what they showed were the gates as they are.
    """
    return "values" if changes else first
