"""What a visitor chose, kept for the visit: plain values, and what the widgets on a page hold.

Streamlit forgets a widget when its page is left, and a browser keeps what it shows when only the script changes its
mind. So a value can be kept beside its widget, and a widget gets a new key, by a new generation, where the script and
not the visitor changes the value. Only `Entry` touches Streamlit's session state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import streamlit as st

T = TypeVar("T")

_ABSENT: Final = object()


@dataclass(frozen=True)
class Entry:
    """One entry of Streamlit's session state.

    Attributes:
        key: under which it is there.
    """

    key: str

    @property
    def is_there(self) -> bool:
        """Whether there is such an entry."""
        return self.key in st.session_state

    def read(self, otherwise: Any = None) -> Any:
        """Give its value; another one where it is not there."""
        return st.session_state.get(self.key, otherwise)

    def write(self, value: Any) -> None:
        """Give it a value."""
        st.session_state[self.key] = value

    def remove(self) -> None:
        """Remove it, if it is there."""
        st.session_state.pop(self.key, None)

    @staticmethod
    def all() -> dict[str, Any]:
        """All values by their keys."""
        return {str(key): value for key, value in st.session_state.items()}


def let_streamlit_stop() -> None:
    """End this run where it is not wanted any more, with the exception by which Streamlit does so.

    Every access to the session's state is a place where it does; unlike drawing, that is allowed inside of a cached
    function.
    """
    _ = Entry("stop").is_there


@dataclass(frozen=True)
class Remembered(Generic[T]):
    """A value that belongs to no widget.

    Attributes:
        name: under which it is kept; no other value of the visit has it.
        first: makes the value that the visit begins with.
    """

    name: str
    first: Callable[[], T]

    def get(self) -> T:
        """Give the value; the one to begin with is kept from then on."""
        entry = Entry(self.name)
        if (value := entry.read(_ABSENT)) is _ABSENT:
            entry.write(self.first())
            value = entry.read()
        kept: T = value
        return kept

    def set(self, value: T) -> None:
        """Keep another value."""
        Entry(self.name).write(value)

    def begin(self, value: T) -> T:
        """Keep a value unless there is one; give the one that is kept."""
        if not Entry(self.name).is_there:
            self.set(value)
        return self.get()

    def forget(self) -> None:
        """Begin anew."""
        Entry(self.name).remove()


@dataclass(frozen=True)
class Generation:
    """Counts how often the script set values of some widgets, each of which then has a new key.

    Attributes:
        name: under which it is kept.
    """

    name: str

    @property
    def number(self) -> int:
        """The count, from 0."""
        return Remembered(self.name, int).get()

    def advance(self) -> None:
        """Give the widgets new keys, so that they begin with what the script says."""
        Remembered(self.name, int).set(self.number + 1)


@dataclass(frozen=True)
class Choice:
    """What a widget holds.

    Attributes:
        name: of the widget; its key, where it has no generations.
        generation: of its key; None for a widget whose key stays.
    """

    name: str
    generation: Generation | None = None

    @property
    def key(self) -> str:
        """The widget's key now."""
        return self.name if self.generation is None else f"{self.name}-{self.generation.number}"

    @property
    def is_known(self) -> bool:
        """Whether the widget has a value: it was drawn, or the script set one."""
        return Entry(self.key).is_there

    def get(self, otherwise: Any = None) -> Any:
        """Give what the widget holds.

        Args:
            otherwise: given where it holds nothing; browsers can send anything, so check what comes.
        """
        return Entry(self.key).read(otherwise)

    def set(self, value: Any) -> None:
        """Have the widget show a value when it is drawn next; the browser receives it too."""
        Entry(self.key).write(value)

    def begin(self, value: Any) -> None:
        """Set a value, unless the widget has one."""
        if not self.is_known:
            self.set(value)

    def resume(self, first: Any) -> None:
        """Begin with what was remembered last, for Streamlit forgets widgets that are not drawn.

        Args:
            first: to begin with where nothing was.
        """
        self.begin(self._last.begin(first))
        self.remember()
        _RESUMED.set(_RESUMED.get() | {self.key})

    def remember(self) -> None:
        """Keep what the widget holds for the rest of the visit."""
        if self.is_known:
            self._last.set(self.get())

    def start(self, value: Any, generation: int = 0) -> Any:
        """Give what a part begins with: the same as long as it is drawn, whatever is chosen in it.

        Args:
            value: to begin with, for a part that was not drawn.
            generation: another number where a part that is drawn begins anew.
        """
        start: Remembered[tuple[int, Any]] = Remembered(f"{self.key}-start", lambda: (generation, value))
        if not self.is_known or start.get()[0] != generation:
            start.set((generation, value))
        return start.get()[1]

    def restart(self) -> None:
        """Give the widget a new key, under which it holds nothing yet."""
        if self.generation is not None:
            self.generation.advance()

    def forget(self) -> None:
        """Empty the widget, as if it had never been drawn."""
        Entry(self.key).remove()

    @property
    def _last(self) -> Remembered[Any]:
        return Remembered(f"{self.name}-kept", lambda: None)


def choices_known(before: str) -> dict[str, Any]:
    """Values of all widgets whose names begin alike, by the rest of their names.

    Args:
        before: what the names begin with.
    """
    return {name.removeprefix(before): value for name, value in Entry.all().items() if name.startswith(before)}


_PAGE: Remembered[str] = Remembered("choices-page", str)
_RESUMED: Remembered[frozenset[str]] = Remembered("choices-resumed", frozenset)


def enter(page: str) -> None:
    """Forget what widgets of another page hold that was drawn last, so that those that resume begin anew.

    Streamlit does it too, but not for a value that the script set in that page's last run: a widget of the same key on
    this page would hold it at first, and then nothing.

    Args:
        page: the page that is drawn.
    """
    if _PAGE.get() == page:
        return
    for key in _RESUMED.get():
        Entry(key).remove()
    _RESUMED.set(frozenset())
    _PAGE.set(page)
