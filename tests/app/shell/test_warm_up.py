"""What is loaded before the first visitor, and what beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.shell import warm_up
from app.shell.router import PAGES

APP = Path(warm_up.__file__).parents[1]


def files_of(rooms: list[str]) -> set[str]:
    return {f"app.{room}.{file.stem}" for room in rooms for file in (APP / room).glob("*.py")}


def test_the_first_page_is_loaded_before_visitors_and_the_others_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: set[str] = set()
    monkeypatch.setattr(warm_up, "import_module", loaded.add)
    monkeypatch.setattr(warm_up, "prepare_to_serve", lambda _, imports: imports())
    monkeypatch.setattr(warm_up, "pass_over_what_is_loaded", lambda: loaded.add("passed over"))
    rest = warm_up.warm_up()
    first, *others = PAGES
    assert loaded == {"pandas"} | files_of(["widgets", first])
    rest()
    assert loaded == {"pandas", "passed over"} | files_of(["widgets", first, *others])
