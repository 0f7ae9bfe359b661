"""Every word that a visitor reads, in their language.

English sentences are the keys of the catalogues in ``app/locale``. A language belongs to a session: it lies in the
session's state, which every run, fragment and callback of it sees, and no other one. Nothing is installed globally,
for sessions are threads of one process.

Three ways to have words translated, which ``make words`` finds in the code:

* ``_("Any image works.")``: a sentence where it is shown;
* ``WORDS = Words({"swap": "Swap"})``: the words of a module; each is translated when it is looked up;
* a `Message` or `CbamError`, said by `say` or `sentence`.

What is made after the script has run, such as a file for download, is made outside of the session: it is given
`translated` words, which are looked up while the script runs.
"""

from __future__ import annotations

import gettext
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.session.choices import Remembered
from app.streamlit_internals import notes_of_run
from cbam_core.errors import CbamError, Message, fill, unbroken

ENGLISH = "en"

LANGUAGES: Mapping[str, str] = MappingProxyType({ENGLISH: "EN", "zh": "中文"})
"""By their codes, which are those of the HTML attribute too: what the switch calls them."""

CATALOGUES: Mapping[str, str] = MappingProxyType({"zh": "zh_CN"})
"""Folders of `app/locale`, for all languages but English."""

LOCALE = Path(__file__).parents[1] / "locale"
DOMAIN = "cbam_lens"

_LANGUAGE: Remembered[str | None] = Remembered("language", lambda: None)

_NOTED = "language"
"""Where the language is noted for a run: a page asks for it hundreds of times, and Streamlit's state is slow."""

CLASS = "class"
"""Context in which catalogues have names of classes: what reads like another sentence of ours is not that."""

NUMBERED = "class {n1}"
"""What `cbam_core` calls the classes of a file that names none."""

WORD_VALUES = frozenset({"kind", "detail", "expected", "difference"})
"""Values of messages that are words of ours rather than names, numbers or the system's own words."""


_PATH = re.compile(r"(?<![\w./:~-])/(?:[^/\s'\"]+/)+([^/\s'\"]+)")
"""A whole path of a file within a sentence; its last part is the file's name."""


def language() -> str:
    """Code of the language of the running session; English outside of one."""
    if (notes := notes_of_run()) is None:
        return ENGLISH
    code: str | None = notes.get(_NOTED)
    if code is None and (code := _LANGUAGE.get()) is not None:
        notes[_NOTED] = code
    return code or ENGLISH


def settle_language(linked: str | None, locale: str | None) -> str:
    """Choose a session's language when it begins; later calls change nothing.

    Args:
        linked: what the link asks for; anything.
        locale: what the browser prefers, such as ``"zh-CN"``.

    Returns:
        The language's code.
    """
    if _LANGUAGE.get() is None:
        _set_language(linked if linked is not None and linked in LANGUAGES else preferred(locale))
    return language()


def preferred(locale: str | None) -> str:
    """Code of the language that a browser's locale, or the first one of its ``Accept-Language``, comes nearest to."""
    wanted = re.split("[-_,;]", locale or "")[0].strip().lower()
    return wanted if wanted in LANGUAGES else ENGLISH


def change_language(code: str) -> None:
    """Show the session in another language from its next run on."""
    _set_language(code if code in LANGUAGES else ENGLISH)


def _set_language(code: str) -> None:
    _LANGUAGE.set(code)
    if (notes := notes_of_run()) is not None:
        notes.pop(_NOTED, None)


def _(text: str, **values: Any) -> str:
    """A sentence in the language of the running session.

    Args:
        text: the English one; with values, its ``{named}`` placeholders are filled.
        **values: what fills them.
    """
    return _said(language(), text, values)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """Mark an English word that `_` is given later; returns it as it is."""
    return text


class Words(Mapping[str, str]):
    """Words by keys, looked up in the language of the running session.

    Args:
        english: the English words; ``{named}`` placeholders in them are left for the caller to fill.
    """

    def __init__(self, english: Mapping[str, str]) -> None:
        self.english = english

    def __getitem__(self, key: str) -> str:
        return _(self.english[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self.english)

    def __len__(self) -> int:
        return len(self.english)


def translated(words: Mapping[str, str]) -> dict[str, str]:
    """English words as they are in the language of the running session: plain, for browsers and other threads.

    Args:
        words: of `cbam_core`, or `Words`.
    """
    return {key: unbroken(text) for key, text in translated_for_files(words).items()}


def translated_for_files(words: Mapping[str, str]) -> dict[str, str]:
    """The same for files that are no pages, in which every space is a plain one."""
    code = language()
    english = words.english if isinstance(words, Words) else words
    return {key: _known(code, text) for key, text in english.items()}


def say(said: Message | CbamError, code: str | None = None) -> str:
    """A message or error, without a full stop.

    Args:
        said: the message.
        code: of the language; None for that of the running session.
    """
    code = code or language()
    message = said.message if isinstance(said, CbamError) else said
    values = {name: _value(code, name, value) for name, value in message.values.items()}
    if any(_without_folders(value) != value for value in message.values.values()):
        _log_whole(f"{message.code}: {message}")
    return _said(code, message.template, values) if values else _said(code, message.template, {}).format()


def _value(code: str, name: str, value: Any) -> Any:
    if name in WORD_VALUES and isinstance(value, str):
        return _said(code, *as_template(value))
    return _without_folders(value)


def _without_folders(value: Any) -> Any:
    """A value of a message, with files of this server named without the folders that they lie in."""
    if not isinstance(value, str) or ("/" not in value and "\\" not in value):  # a page has hundreds without a path
        return value
    if Path(value).is_absolute():
        return Path(value).name or value
    return _PATH.sub(r"\1", value)


@cache
def _log_whole(line: str) -> None:
    """Write what visitors are not told into the log, the first time that it is said."""
    logging.getLogger("cbam_lens").warning("%s", line)


def sentence(said: Message | CbamError, code: str | None = None) -> str:
    """A message or error as a sentence of its own, with a capital letter and a full stop; see `say`."""
    words = say(said, code)
    return _said(code or language(), N_("{said}."), {"said": f"{words[:1].upper()}{words[1:]}"})


def paragraph(*sentences: str) -> str:
    """Sentences one after the other; no space follows a full-width full stop."""
    return " ".join(sentences).replace("。 ", "。")


def class_name(name: str) -> str:
    """What a class is called: those that a catalogue has and numbered ones are translated, others keep their names."""
    return card_text(name) if as_template(name)[0] == NUMBERED else _catalogue(language()).pgettext(CLASS, name)


def listed(names: Iterable[str]) -> str:
    """Names in a row, with the comma that the language puts between them."""
    return _(", ").join(names)


def listed_classes(names: Sequence[str], most: int = 20) -> str:
    """Names of classes in a row; of very many, the first ones and how many there are."""
    said = listed(map(class_name, names[:most]))
    return said if len(names) <= most else f"{said} … ({len(names):,})"


def plain_text(text: str) -> str:
    """A text with nothing that Markdown would make something of."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+!|$~:" else letter for letter in text)


def plain_name(name: str) -> str:
    """The name of an uploaded file, for a text that Markdown reads: letters, digits and a few marks, not too long."""
    return plain_text("".join(letter if letter.isalnum() or letter in " ._-" else "-" for letter in name)[:80])


def card_text(text: str) -> str:
    """A sentence of a network's card; one that ships is translated, whatever numbers it names."""
    template, values = as_template(text)
    return _said(language(), template, values)


def as_template(text: str) -> tuple[str, dict[str, str]]:
    """A text of a card with its numbers and digests taken out, so that a retrained network needs no new translation.

    Returns:
        The text with placeholders ``{n1}``, ``{n2}`` and so on, and what fills them.
    """
    values: dict[str, str] = {}

    def placeholder(found: re.Match[str]) -> str:
        values[f"n{len(values) + 1}"] = found[0]
        return f"{{n{len(values)}}}"

    safe = text.replace("{", "{{").replace("}", "}}")
    template = re.sub(r"(?<![\w.-])(?:[0-9a-f]{64}|\d[\d,]*\d|\d)(?![\w-])", placeholder, safe)
    return (template, values) if values else (text, {})


def _said(code: str, text: str, values: Mapping[str, Any]) -> str:
    known = unbroken(_known(code, text))
    return fill(known, values) if values else known


def _known(code: str, text: str) -> str:
    return _catalogue(code).gettext(text) if text else text  # the empty one is the catalogue's head


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    if code not in CATALOGUES:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE, [CATALOGUES[code]], fallback=True)
