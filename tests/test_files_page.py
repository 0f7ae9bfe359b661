"""The page about files that are read says what opening them says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.corpus.files import CHECKPOINTS, IMAGES

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def make_files(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    spec = importlib.util.spec_from_file_location("make_files", ROOT / "docs" / "make_files.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_up_to_date(make_files: ModuleType) -> None:
    assert make_files.PAGE.read_text(encoding="utf-8") == make_files.page(), "run make files"


def test_every_kind_of_file_stands_in_its_table_once() -> None:
    for cases in (CHECKPOINTS, IMAGES):
        names = [case.what for case in cases]
        assert len(names) == len(set(names)) > 40
