"""The address of what is on the page: the only owner of query parameters.

An address is made anew whenever something on the page changes, so it can be copied at any time, and going back in the
browser restores what was there. An address is checked value by value; a value that is not valid counts as absent, and
the page shows its default. An address that asks for something that the page does not show then stays as it is until the
visitor chooses something, and `unmet` says what it asked for. Uploads and a visitor's own networks have no address.

Each page says in its folder's ``link.py`` which parameters it has, and what reads each: one of the readers here, or one
of its own. Here are those alone that are the same on all pages.

    /?network=cbam_resnet_cifar10&image=test-4711&colours=magma&opacity=0.4
    /?image=test-61&class=cat&answers=wrong&by=sure
    /compare?mode=classes&a=cat&b=dog
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args
from urllib.parse import urlencode

import streamlit as st

from app.session import own_networks
from app.session.choices import Remembered
from app.session.mark import MARK
from app.session.words import LANGUAGES, language
from app.streamlit_internals import in_fragment
from cbam_core.data.colours import Ground
from cbam_core.network import Classifier
from cbam_core.results.frame import FITS, Square

LONGEST = 4000
"""Characters of a value; longer ones are not looked at, and web servers refuse addresses of twice as many."""

LONGEST_TEXT = 200
"""Characters of a value that is any text."""


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
    return text if text and len(text) <= LONGEST_TEXT and text.isprintable() else None


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

read_ground = one_of(*get_args(Ground))
"""What transparent areas are placed on."""

read_yes = {"yes": True, "no": False}.get
"""A choice that is made or not."""

SHELL: Readers = MappingProxyType({"page": read_name, "lang": one_of(*LANGUAGES), "network": read_text})
"""By name: readers of the parameters that all pages have. ``page`` is one that there is not."""


@dataclass(frozen=True)
class Unmet:
    """What an address asks for and a page does not show.

    Attributes:
        asked: texts of the address, by parameter.
        shown: what the page shows instead, in the same way; parameters of which it shows nothing are left out.
        address: all that the address says.
        own_address: what the address would say if it named what is on the page.
    """

    asked: Mapping[str, str]
    shown: Mapping[str, str]
    address: Mapping[str, str]
    own_address: Mapping[str, str]


NOTHING: Mapping[str, Any] = MappingProxyType({})

_READERS: Remembered[Readers] = Remembered("link-readers", lambda: SHELL)
_AROUND: Remembered[Mapping[str, str]] = Remembered("link-around", dict)
_UNMET: Remembered[Unmet | None] = Remembered("link-unmet", lambda: None)
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


def arrive(readers: Readers, page: str) -> dict[str, Any]:
    """What the address asks for, where a visitor came by it and no page was drawn since; else nothing.

    A visitor comes by an address when they open it, and when they go back or forth to it, which addresses.js marks. An
    address without a new mark says little: the browser may not have heard yet of the one that a page wrote last.

    Args:
        readers: of the parameters of the page that is drawn; an address of it can name these, and those of `SHELL`.
        page: the page's folder; a mark that is meant for another page is none, for its address is not of this one.
    """
    readers = {**readers, **SHELL}
    given = st.query_params.to_dict()
    marked = re.fullmatch(r"([0-9]{1,16})~([a-z]+)", given.pop(MARK, ""))
    is_new = marked is not None and marked[2] == page and marked[1] != _MARKED.get()
    if is_new or _ASKED.get() is None:
        _MARKED.set(marked[1] if is_new and marked else None)
        _ASKED.set(given)
    if is_new or readers.keys() != _READERS.get().keys():
        _UNMET.forget()
    _READERS.set(readers)
    return read(_asked(), readers)


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


def is_going() -> bool:
    """Whether `go` asked for a page that was not drawn yet: a part of a page that runs by itself has to end then."""
    return _GOING.get() is not None


def answered() -> None:
    """Let go of what the address asked for: a page was drawn, whatever became of that."""
    _ASKED.set({})


def show_around(*, page: str, network: Classifier) -> None:
    """Note what is on every page, and need not be in its address.

    Args:
        page: the page's folder.
        network: what the sidebar selects.
    """
    _AROUND.set({"page": page, "network": network.name})


def write(shown: Mapping[str, Any] = NOTHING, /, **values: Any) -> None:
    """Make the address that of what is on the page; a value of None or "" is left out.

    Parameters that neither the page that is drawn nor `SHELL` has are left out too. An address that a visitor came by,
    and that asks for something else, stays until the page shows something other than at first.

    Args:
        shown: what is on the page and need not be in its address, because it is usual, by the parameters' names.
        **values: by the parameters' names.
    """
    texts = _as_texts(values)
    lang = st.query_params.get("lang", "")
    if "lang" not in texts and lang in LANGUAGES:
        texts = {"lang": lang, **texts}
    before = _UNMET.get()
    if asked := _asked():
        _UNMET.set(_compare(asked, texts, _as_texts(shown)))
    elif before is not None and before.own_address != texts:
        _UNMET.forget()
    answered()
    now = _UNMET.get()
    wanted = {**(texts if now is None else now.address)}
    if mark := _MARKED.get():
        wanted[MARK] = mark  # addresses.js takes it out: it tells this address from one written before it was gone to
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
    if before is not None and now is None and in_fragment():
        st.rerun()  # the sentence about it stands outside of what is drawn now


def unmet() -> Unmet | None:
    """What the address asks for and the page that is drawn does not show; None where it shows all of it."""
    return _UNMET.get()


def own_query() -> str | None:
    """Query that names what is on the page, where the address asks for something else; else None."""
    found = _UNMET.get()
    return None if found is None else urlencode(found.own_address)


def _as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Values of known parameters as an address has them, without empty ones."""
    known = _READERS.get()
    return {name: text for name, value in values.items() if name in known and (text := as_text(value))}


def _compare(asked: Mapping[str, str], written: Mapping[str, str], shown: Mapping[str, str]) -> Unmet | None:
    """What an address asks for, beside what is on the page; None where that is the same."""
    readers = _READERS.get()
    now = {"lang": language(), **_AROUND.get(), **shown, **written}
    missed = {
        name: text for name, text in asked.items() if name in readers and not _mean_same(name, text, now.get(name, ""))
    }
    if not missed:
        return None
    return Unmet(missed, {name: now[name] for name in missed if now.get(name)}, asked, written)


def _mean_same(name: str, one: str, other: str) -> bool:
    """Whether two texts of a parameter mean the same value; one that is not valid means none."""
    reader = {name: _READERS.get()[name]}
    value, of_other = read({name: one}, reader), read({name: other}, reader)
    return bool(value) and _in_order(value[name]) == _in_order(of_other.get(name))


def _in_order(value: ParameterValue | None) -> str:
    """A value as an address has it, its parts in order if they are a list of names."""
    listed = isinstance(value, tuple) and all(isinstance(part, tuple) for part in value)
    return as_text(tuple(sorted(value)) if listed and isinstance(value, tuple) else value)


def said_now(readers: Readers) -> dict[str, str]:
    """What the address says now of some parameters, for a part of a page that is not drawn and keeps its choices.

    Args:
        readers: of the parameters; what they do not read is left out.
    """
    given = st.query_params.to_dict()
    return {name: given[name] for name in read(given, readers)}


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
