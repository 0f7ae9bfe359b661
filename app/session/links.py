"""The address of what is on the page: the only owner of query parameters.

An address is made anew whenever something on the page changes, so it can be copied at any time, and going back in the
browser brings back what was there. What an address says is checked value by value; whatever is not as it should be
counts as absent, and the page shows what it shows anybody. Uploads and a visitor's own networks have no address.

    /?network=cbam_resnet_cifar10&image=test-4711&colours=magma&opacity=0.4
    /?image=test-61&class=cat&answers=wrong&by=sure
    /compare?mode=classes&a=cat&b=dog
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app.session import own_networks
from app.session.words import LANGUAGES
from cbam_core.network import Classifier
from cbam_core.viewer import Settings

LONGEST = 200
"""Characters of a value; longer ones are not looked at."""

SETTINGS = ("colours", "scale", "opacity", "smooth", "image", "order", "block")
"""Settings of the attention viewer that an address can name."""

FITS = ("crop", "square", "pad", "squash")
"""Ways of fitting a picture that an address can name."""

MARK = "gone"
"""Parameter that client.js adds to an address that the visitor goes back or forth to; another value each time."""

_ASKED, _MARK, _TAKEN = "link-asked", "link-mark", "link-network-taken"

Value = str | int | float | bool | tuple[Any, ...]
Reader = Callable[[str], Value | None]


def _one_of(*known: str) -> Reader:
    return lambda text: text if text in known else None


def _name(text: str) -> str | None:
    return text if re.fullmatch(r"[\w.-]{1,100}", text) else None


def _text(text: str) -> str | None:
    return text if text and text.isprintable() else None


def read_picture(text: str) -> tuple[str, Any] | None:
    """The picture that a text names: ``sample-31``, ``test-4711`` or ``folder-cat.jpg``."""
    source, _, which = text.partition("-")
    if source in ("sample", "test") and re.fullmatch(r"[0-9]{1,5}", which):
        return source, int(which)
    if source == "folder" and which and which.isprintable() and not re.search(r"[/\\]", which):
        return source, which
    return None


def _share(text: str) -> float | None:
    return float(text) if re.fullmatch(r"0|1|0?\.[0-9]{1,4}|1\.0{1,4}", text) else None


def _square(text: str) -> tuple[float, float, float] | None:
    """Left, top and side in pixels of the original."""
    found = re.fullmatch(
        r"([0-9]{1,5}(?:\.[0-9]{1,2})?)~([0-9]{1,5}(?:\.[0-9]{1,2})?)~([0-9]{1,5}(?:\.[0-9]{1,2})?)", text
    )
    if found is None or float(found[3]) <= 0:
        return None
    return float(found[1]), float(found[2]), float(found[3])


def read_channels(text: str) -> tuple[tuple[str, int], ...] | None:
    """Channels by the names of their blocks: ``cbam1~5,cbam3~17``."""
    if not re.fullmatch(r"[\w.-]{1,60}~[0-9]{1,4}(,[\w.-]{1,60}~[0-9]{1,4}){0,11}", text):
        return None
    pairs = (one.rsplit("~", 1) for one in text.split(","))
    return tuple((block, int(channel)) for block, channel in pairs)


READERS: Mapping[str, Reader] = {
    "lang": _one_of(*LANGUAGES),
    "network": _text,
    "image": read_picture,
    "class": _name,
    "answers": _one_of("right", "wrong"),
    "by": _one_of("sure", "unsure"),
    "fit": _one_of(*FITS),
    "square": _square,
    "colours": _name,
    "scale": _one_of("unit", "stretch"),
    "opacity": _share,
    "smooth": {"yes": True, "no": False}.get,
    "picture": _one_of("input", "original"),
    "order": _one_of("index", "sorted"),
    "block": _text,
    "mode": _name,
    "a": _text,
    "b": _text,
    "fit_a": _one_of(*FITS),
    "fit_b": _one_of(*FITS),
    "square_a": _square,
    "square_b": _square,
    "of": _name,
    "masks": _name,
    "sort": _name,
    "ends": {"0": 0, "5": 5, "10": 10}.get,
    "channels": read_channels,
    "run": _text,
}
"""By name: what makes a value of a parameter's text, or None of anything else. Pages check what only they can know."""


def read(given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of an address that are as they should be, by name.

    Args:
        given: texts by name; anybody's.
    """
    found = {}
    for name, reader in READERS.items():
        text = given.get(name)
        if isinstance(text, str) and len(text) <= LONGEST and (value := reader(text)) is not None:
            found[name] = value
    return found


def arrive() -> dict[str, Any]:
    """What the address asks for, where a visitor came by it and no page was drawn since; else nothing.

    A visitor comes by an address when they open it, and when they go back or forth to it, which client.js marks. An
    address without a new mark says little: the browser may not have heard yet of the one that a page wrote last.
    """
    given = st.query_params.to_dict()
    mark = given.get(MARK)
    is_new = mark is not None and mark != st.session_state.get(_MARK)
    if is_new or _ASKED not in st.session_state:
        st.session_state[_MARK], st.session_state[_ASKED] = mark, read(given)
    asked: dict[str, Any] = st.session_state[_ASKED]
    return asked


def network_asked() -> str | None:
    """Name of the network that the address asks for, once: after that, what the visitor chooses counts."""
    asked: dict[str, Any] = st.session_state[_ASKED]
    if st.session_state.get(_TAKEN) is asked:
        return None
    st.session_state[_TAKEN] = asked
    return asked.get("network")


def answered() -> None:
    """Let go of what the address asked for: a page was drawn, whatever became of that."""
    st.session_state[_ASKED] = {}


def write(**values: Any) -> None:
    """Make the address that of what is on the page; a value of None or "" is left out, and so are unknown ones.

    Args:
        **values: by the parameters' names.
    """
    texts = {name: text for name, value in values.items() if name in READERS and (text := _as_text(value))}
    lang = st.query_params.get("lang", "")
    if "lang" not in texts and lang in LANGUAGES:
        texts = {"lang": lang, **texts}
    answered()
    if st.query_params.to_dict() != texts:
        st.query_params.from_dict(texts)


def write_language(code: str) -> None:
    """Add the language to the address; a visitor stays where they are."""
    st.query_params["lang"] = code


def network_of(classifier: Classifier) -> str | None:
    """A network as an address names it; None for the visitor's own, which nobody else has."""
    return None if own_networks.is_own(classifier) else classifier.name


def settings_as_parameters(settings: Settings, usual: Settings) -> dict[str, Any]:
    """The viewer's settings that are not the usual ones, by the parameters' names."""
    now, before = settings.as_dict(), usual.as_dict()
    changed = {name: now[name] for name in SETTINGS if now[name] != before[name]}
    if "image" in changed:
        changed["picture"] = changed.pop("image")
    return changed


def settings_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What `settings_as_parameters` made, as changes of settings."""
    changes = {name: parameters[name] for name in SETTINGS if name in parameters and name != "image"}
    if "picture" in parameters:
        changes["image"] = parameters["picture"]
    return changes


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, tuple):
        return "~".join(
            f"{part:.1f}".rstrip("0").rstrip(".") if isinstance(part, float) else str(part) for part in value
        )
    return str(value)
