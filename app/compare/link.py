"""Compare's address: what it says of both sides and the settings, read when a visitor comes by it, and made anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app import services
from app.compare import blocks
from app.compare.display import SETTINGS as DISPLAY
from app.compare.state import Selected, change, side_of
from app.session import links
from app.session.choices import Choice
from app.session.links import Readers, read_fit, read_ground, read_image, read_name, read_square, read_text, read_yes
from app.session.uploads import Fitted
from app.widgets.figures import Side
from app.widgets.image.address import read_image_once
from cbam_core.network import Classifier

MODES = ("pictures", "networks", "classes")

MODE, OVER = "compare-mode", "compare-over"
"""Keys of the choices of what is compared, and of the images that means are taken over."""

SETTINGS: Mapping[str, tuple[str, Any, tuple[Any, ...]]] = {
    MODE: ("mode", "pictures", MODES),
    OVER: ("of", "samples", ("samples", "test")),
    **DISPLAY,
}
"""By keys of widgets: their parameter in an address, what they begin with, and what can be chosen."""


_CHANNEL = r"[\w.# +-]{1,120}~[0-9]{1,4}"


def read_channels(text: str) -> tuple[tuple[str, int], ...] | None:
    """Channels by the names of their blocks: ``cbam1~5,cbam3~17``."""
    if not re.fullmatch(rf"{_CHANNEL}(,{_CHANNEL}){{0,11}}", text):
        return None
    pairs = (one.rsplit("~", 1) for one in text.split(","))
    return tuple((block, int(channel)) for block, channel in pairs)


def read_side(text: str) -> str | None:
    """What stands on a side: an image, a network or a class; a sample as `app.services.named_once` names it."""
    image = read_image(text) if read_text(text) else None
    return read_text(text) if image is None else "-".join(map(str, services.named_once(*image)))


PARAMETERS: Readers = {
    "mode": read_name,
    "image": read_image_once,
    "fit": read_fit,
    "square": read_square,
    "a": read_side,
    "b": read_side,
    "fit_a": read_fit,
    "fit_b": read_fit,
    "square_a": read_square,
    "square_b": read_square,
    **{f"stretch{suffix}": read_yes for suffix in ("", "_a", "_b")},
    **{f"ground{suffix}": read_ground for suffix in ("", "_a", "_b")},
    "of": read_name,
    "masks": read_name,
    "colours": read_name,
    "sort": read_name,
    "ends": {"0": 0, "5": 5, "10": 10}.get,
    "channels": read_channels,
}


def open_address(asked: Mapping[str, Any]) -> None:
    """Begin with what an address asked for, as far as there is such a thing."""
    for key, (name, first, choices) in SETTINGS.items():
        if asked:
            Choice(key).set(asked[name] if asked.get(name) in choices else first)
        Choice(key).resume(first)
    if not asked:
        return
    blocks.open_channels(asked.get("channels", ()))
    mode = Choice(MODE).get()
    sides: dict[Side, Selected] = {}
    names: dict[Side, str] = {"left": "a", "right": "b"}
    for side, name in names.items():
        selected = side_of(side)
        if mode == "networks":
            selected = replace(selected, network=asked[name]) if asked.get(name) in services.networks() else selected
            sides[side] = _with_image(selected, asked.get("image"), _fitted(asked))
        elif mode == "pictures":
            sides[side] = _with_image(selected, read_image(asked.get(name, "")), _fitted(asked, f"_{name}"))
        else:
            sides[side] = (
                replace(selected, class_=asked[name]) if asked.get(name) in services.samples().classes else selected
            )
    change(sides["left"], sides["right"])


def _with_image(selected: Selected, image: tuple[str, Any] | None, fitted: Fitted) -> Selected:
    """A side with the image that an address names; as it was where there is no such image."""
    source, which = image or ("", -1)
    if source == "sample" and which < len(services.samples()):
        return replace(selected, source="sample", sample=which)
    if source == "test" and which < (services.test_count() or 0):
        return replace(selected, source="test", test=which)
    if source == "folder" and which in services.gallery_by_name():
        return replace(selected, source="folder", folder=which, folder_fit=fitted)
    return selected


def _fitted(asked: Mapping[str, Any], suffix: str = "") -> Fitted:
    """How an address wants an image fitted."""
    return Fitted(
        asked.get(f"fit{suffix}", "crop"),
        asked.get(f"square{suffix}"),
        stretch=asked.get(f"stretch{suffix}", False),
        ground=asked.get(f"ground{suffix}", "white"),
    )


def write(classifier: Classifier, mode: str) -> bool:
    """Make the address that of what is compared; return whether it says all of it."""
    left, right = side_of("left"), side_of("right")
    network = links.network_of(classifier)
    for key in SETTINGS:
        Choice(key).remember()
    said: dict[str, Any]
    fitted: dict[str, Any] = {}
    if mode == "networks":
        names = [links.network_of(services.network(one.network)) for one in (left, right) if one.network]
        said = {"image": _named(left), "a": names[0] if names else None, "b": names[-1] if names else None}
        fitted = _fit_of(left)
    elif mode == "classes":
        said = {"network": network, "a": left.class_, "b": right.class_}
    else:
        said = {"network": network, "a": _named(left), "b": _named(right)}
        fitted = _fit_of(left, "_a") | _fit_of(right, "_b")
    now = {name: Choice(key).get(first) for key, (name, first, _) in SETTINGS.items()}
    if services.test_count() is None:
        now["of"] = "samples"
    usual = {name: first for name, first, _ in SETTINGS.values()}
    settings = {name: value for name, value in now.items() if value != usual[name]}
    channels = None if mode == "classes" else blocks.opened_channels()
    usual_fit = {"fit": "crop", "stretch": False, "ground": "white"}
    by_side = {f"{name}{suffix}": value for suffix in ("", "_a", "_b") for name, value in usual_fit.items()}
    links.write({**now, **by_side}, **said, **fitted, **settings, channels=channels)
    return None not in said.values()


def update(classifier: Classifier, mode: str) -> None:
    """The same, for changes that draw a part of the page alone."""
    write(classifier, mode)


def _named(selected: Selected) -> str | None:
    """A side's image as an address names it; None for what the visitor uploaded."""
    if selected.source == "folder":
        return f"folder-{selected.folder}" if selected.folder else None
    return {"sample": f"sample-{selected.sample}", "test": f"test-{selected.test}"}.get(selected.source)


def _fit_of(selected: Selected, suffix: str = "") -> dict[str, Any]:
    """How a side's image is fitted, as far as an address names it."""
    if selected.source != "folder":
        return {}
    fit = selected.folder_fit
    return {
        f"fit{suffix}": fit.fit if fit.fit != "crop" else None,
        f"square{suffix}": fit.square,
        f"stretch{suffix}": fit.stretch or None,
        f"ground{suffix}": "black" if fit.ground == "black" else None,
    }
