"""The address of what is on the page: the only owner of query parameters.

An address is made anew whenever something on the page changes, so it can be copied at any time, and going back in the
browser restores what was there. An address is checked value by value; a value that is not valid counts as absent, and
the page shows its default. Uploads and a visitor's own networks have no address.

Each page says in its folder's ``link.py`` which parameters it has, and what reads each: one of the readers here, or one
of its own. Here are those alone that are the same on all pages.

    /?network=cbam_resnet_cifar10&image=test-4711&colours=magma&opacity=0.4
    /?image=test-61&class=cat&answers=wrong&by=sure
    /compare?mode=classes&a=cat&b=dog
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import streamlit as st

from app.session import own_networks
from app.session.choices import Remembered
from app.session.mark import MARK
from app.session.words import LANGUAGES
from cbam_core.network import Classifier
from cbam_core.results.frame import FITS, Square

LONGEST = 200
"""Characters of a value; longer ones are not looked at."""


ParameterValue = str | int | float | bool | tuple[Any, ...]
Reader = Callable[[str], ParameterValue | None]
"""Makes a parameter's value of its text, or None of any text that is not as it should be."""

Readers = Mapping[str, Reader]
"""By the names of parameters. Pages check what only they can know."""


def one_of(*known: str) -> Reader:
    """Make a reader of a few words."""
    return lambda text: text if text in known else None


def read_name(text: str) -> str | None:
    """A word of letters, digits, ``_``, ``.`` and ``-``."""
    return text if re.fullmatch(r"[\w.-]{1,100}", text) else None


def read_text(text: str) -> str | None:
    """A text of one line."""
    return text if text and text.isprintable() else None


def read_image(text: str) -> tuple[str, Any] | None:
    """The image that a text names: ``sample-31``, ``test-4711`` or ``folder-cat.jpg``."""
    source, _, which = text.partition("-")
    if source in ("sample", "test") and re.fullmatch(r"[0-9]{1,5}", which):
        return source, int(which)
    if source == "folder" and which and which.isprintable() and not re.search(r"[/\\]", which):
        return source, which
    return None


def read_share(text: str) -> float | None:
    """A number from 0 to 1, with up to four decimals."""
    return float(text) if re.fullmatch(r"0|1|0?\.[0-9]{1,4}|1\.0{1,4}", text) else None


def read_square(text: str) -> Square | None:
    """Left, top and side in pixels of the original."""
    found = re.fullmatch(
        r"([0-9]{1,5}(?:\.[0-9]{1,2})?)~([0-9]{1,5}(?:\.[0-9]{1,2})?)~([0-9]{1,5}(?:\.[0-9]{1,2})?)", text
    )
    if found is None or float(found[3]) <= 0:
        return None
    return float(found[1]), float(found[2]), float(found[3])


read_fit = one_of(*FITS)
"""A way of fitting an image."""

SHELL: Readers = MappingProxyType({"lang": one_of(*LANGUAGES), "network": read_text})
"""By name: readers of the parameters that all pages have."""


_NAMES = Remembered("link-names", lambda: frozenset(SHELL))
_MARKED = Remembered[str | None]("link-mark", lambda: None)
_ASKED = Remembered[dict[str, str] | None]("link-asked", lambda: None)
_TAKEN = Remembered[dict[str, str] | None]("link-network-taken", lambda: None)
_GOING = Remembered[str | None]("link-going", lambda: None)


def read(given: Mapping[str, str], readers: Readers) -> dict[str, Any]:
    """The parameters of an address that are as they should be, by name.

    Args:
        given: texts by name; not trusted.
        readers: of the parameters that are looked for.
    """
    found = {}
    for name, reader in readers.items():
        text = given.get(name)
        if isinstance(text, str) and len(text) <= LONGEST and (value := reader(text)) is not None:
            found[name] = value
    return found


def arrive(readers: Readers) -> dict[str, Any]:
    """What the address asks for, where a visitor came by it and no page was drawn since; else nothing.

    A visitor comes by an address when they open it, and when they go back or forth to it, which client.js marks. An
    address without a new mark says little: the browser may not have heard yet of the one that a page wrote last.

    Args:
        readers: of the parameters of the page that is drawn; an address of it can name these, and those of `SHELL`.
    """
    _NAMES.set(frozenset({*SHELL, *readers}))
    given = st.query_params.to_dict()
    mark = given.get(MARK)
    is_new = mark is not None and mark != _MARKED.get()
    if is_new or _ASKED.get() is None:
        _MARKED.set(mark)
        _ASKED.set(given)
    return read(_asked(), {**readers, **SHELL})


def network_asked() -> str | None:
    """Name of the network that the address asks for, once: after that, what the visitor chooses counts."""
    asked = _asked()
    if _TAKEN.get() is asked:
        return None
    _TAKEN.set(asked)
    return read(asked, SHELL).get("network")


def ask(**values: Any) -> None:
    """Ask for something as an address does, besides what one asked for: the next run is as if a visitor came by it.

    Args:
        **values: by the parameters' names.
    """
    _ASKED.set(_asked() | {name: text for name, value in values.items() if (text := as_text(value))})


def go(page: str, **values: Any) -> None:
    """Have the next run draw another page, and ask for something there; for what a click calls.

    Args:
        page: the page's folder.
        **values: by the names of that page's parameters.
    """
    answered()
    ask(**values)
    _GOING.set(page)


def going() -> str | None:
    """Folder of the page that `go` asked for, once; None where no page was asked for."""
    page = _GOING.get()
    _GOING.forget()
    return page


def answered() -> None:
    """Let go of what the address asked for: a page was drawn, whatever became of that."""
    _ASKED.set({})


def write(**values: Any) -> None:
    """Make the address that of what is on the page; a value of None or "" is left out.

    Parameters that neither the page that is drawn nor `SHELL` has are left out too.

    Args:
        **values: by the parameters' names.
    """
    known = _NAMES.get()
    texts = {name: text for name, value in values.items() if name in known and (text := as_text(value))}
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
    """A network as an address names it; None for the visitor's own, which cannot be linked."""
    return None if own_networks.is_own(classifier) else classifier.name


def _asked() -> dict[str, str]:
    return _ASKED.get() or {}


def as_text(value: Any) -> str:
    """A parameter's value as an address has it."""
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
