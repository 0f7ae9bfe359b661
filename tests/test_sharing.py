"""Workers share the compiling of test modules."""

import sys
from pathlib import Path

import pytest

from tests.sharing import files_of, import_modules, rotated

FILES = [Path("tests/a/test_a.py"), Path("tests/a/test_b.py"), Path("tests/test_c.py"), Path("tests/test_d.py")]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder with empty files of tests and one of what they share."""
    for file in [*FILES, Path("tests/a/shared.py")]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    return tmp_path


def test_a_folder_names_all_files_of_tests_in_it_and_a_test_its_own(root):
    assert files_of(["tests"], root) == FILES
    assert files_of([f"{root}/tests/a", "tests/test_d.py::test_one[x::y]"], root) == [FILES[0], FILES[1], FILES[3]]
    assert files_of(["/elsewhere"], root) == []


def test_each_worker_imports_all_and_begins_with_a_share_of_its_own():
    orders = [rotated(FILES, worker, 2) for worker in range(2)]
    assert orders == [FILES, [FILES[2], FILES[3], FILES[0], FILES[1]]]
    assert rotated([], 1, 3) == []


def test_modules_that_fail_or_are_skipped_are_left_to_pytest(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    texts = {"fails": "1 / 0", "skips": "import pytest\npytest.skip('no', allow_module_level=True)", "works": "a = 1"}
    for name, text in texts.items():
        (tmp_path / f"shared_{name}.py").write_text(text)
    import_modules([Path(f"shared_{name}.py") for name in texts])
    assert [name for name in texts if sys.modules.pop(f"shared_{name}", None)] == ["works"]
