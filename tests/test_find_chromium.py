"""The browser of the tests: which one is taken, and what is said without one."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.pinned import ROOT


def test_a_named_browser_is_taken_and_a_missing_one_is_not_replaced(monkeypatch, tmp_path, capsys):
    from tests import find_chromium

    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("CHROME", str(browser))
    assert find_chromium.main() == 0
    assert capsys.readouterr().out == f"{browser}\n"
    monkeypatch.setenv("CHROME", str(tmp_path / "absent"))
    assert find_chromium.main() == 1
    assert "CBAM_SKIP_BROWSER=1" in capsys.readouterr().err


def test_a_browser_is_installed_where_there_is_none(monkeypatch, capsys):
    from tests import find_chromium

    found = [None, "/new/chromium"]
    tried = []
    monkeypatch.delenv("CHROME", raising=False)
    monkeypatch.setattr(find_chromium, "find", lambda: found.pop(0))
    monkeypatch.setattr(find_chromium, "install", lambda: tried.append(True))
    assert find_chromium.main() == 0
    assert tried == [True]
    assert capsys.readouterr().out == "/new/chromium\n"


def test_a_browser_without_windows_is_preferred_where_there_is_one(monkeypatch, tmp_path):
    from tests import find_chromium

    monkeypatch.delenv("CHROME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("chromium", "chromium-headless-shell"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert find_chromium.find() == str(tmp_path / name)


def test_skipped_browser_tests_are_told_in_the_summary(tmp_path):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_one.py").write_text(
        "import pytest\n@pytest.mark.browser\ndef test_seen(): raise AssertionError\ndef test_other(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    command += ["--override-ini", "addopts=--strict-markers", "-p", "no:tests.fixtures"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "CBAM_SKIP_BROWSER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 browser tests were NOT run, because CBAM_SKIP_BROWSER=1" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


@pytest.mark.parametrize(
    "shell", ["chrome-headless-shell-linux64/chrome-headless-shell", "chrome-linux/headless_shell"]
)
def test_playwrights_browser_without_windows_is_preferred(tmp_path, shell):
    from tests.find_chromium import _shells_beside

    whole = tmp_path / "chromium-1255" / "chrome-linux64" / "chrome"
    assert _shells_beside(whole) == []
    other = tmp_path / "chromium_headless_shell-1255" / shell
    other.parent.mkdir(parents=True)
    other.touch()
    assert _shells_beside(whole) == [other]
