"""The Makefile, with a stand-in for Python that only notes what it is asked for."""

import os
import re
import shutil
import subprocess

import pytest

from tests.pinned import CPU_INDEX, ROOT, pins

NOT_OURS = ("MAKE", "MFLAGS", "ARGS", "WORKERS", "TORCH_INDEX", "CBAM_", "CHROME")
"""What the `make` that runs these tests may hand on, by how the names begin."""

STAND_IN = """\
#!/bin/sh
case "$1 $2" in
"-c import sys"*) exit ${OLD_PYTHON:-0} ;;
"-c import ensurepip"*) exit ${NO_VENV:-0} ;;
"--version "*) echo "Python 3.99" ;;
"-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/cbam" ;;
"tests/find_chromium.py "*) [ -n "$NO_BROWSER" ] && exit 1; echo /found/chromium ;;
*) echo "$(basename "$0") $* CHROME=$CHROME" >> asked.txt ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    """Runs make in a copy of the project's outer files; gives the result and what was asked of Python since."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    clone = tmp_path / "a clone"
    clone.mkdir()
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"):
        (programs / name).write_text(STAND_IN)
        (programs / name).chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def run(*arguments, **settings):
        noted = clone / "asked.txt"
        noted.unlink(missing_ok=True)
        plain = {key: value for key, value in os.environ.items() if not key.startswith(NOT_OURS)}
        done = subprocess.run(
            ["make", *arguments],
            cwd=clone,
            env={**plain, "PATH": path, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done, noted.read_text().splitlines() if noted.exists() else []

    return run


def test_make_alone_lists_the_targets(make):
    done, asked = make()
    assert done.returncode == 0
    assert re.findall(r"^  make (\w+)  ", done.stdout, re.MULTILINE) == [
        "help",
        "app",
        "test",
        "check",
        "bench",
        "pictures",
        "files",
        "coverage",
        "notebook",
        "report",
        "words",
        "api",
    ]
    assert CPU_INDEX in done.stdout
    assert asked == []


def test_make_app_installs_once_and_starts(make):
    done, asked = make("app", "ARGS=--port 8600")
    assert done.returncode == 0, done.stderr
    installs = [line for line in asked if " pip " in line]
    assert any("--requirement requirements.txt" in line for line in installs)
    assert any("--editable ." in line for line in installs)
    assert not any("--index-url" in line or "requirements-dev" in line for line in installs)
    assert asked[-1].startswith("cbam app --port 8600")
    _, again = make("app")
    assert [line.split(" CHROME")[0].strip() for line in again] == ["cbam app"]


def test_one_variable_takes_pytorch_from_its_cpu_index(make):
    _, asked = make("app", f"TORCH_INDEX={CPU_INDEX}")
    with_index = [line for line in asked if CPU_INDEX in line]
    torch_pins = [line for line in pins("requirements.txt") if line.startswith("torch")]
    assert len(with_index) == 1
    assert re.findall(r"\S+==\S+", with_index[0]) == torch_pins
    assert asked.index(with_index[0]) == 0


def test_make_test_runs_the_suite_with_the_browser_that_was_found(make):
    done, asked = make("test")
    assert done.returncode == 0, done.stderr
    assert any("--requirement requirements-dev.txt" in line for line in asked)
    assert asked[-1] == "python -m pytest -n 3 --dist loadfile --no-loadscope-reorder CHROME=/found/chromium"


def test_make_test_fails_without_a_browser(make):
    done, asked = make("test", NO_BROWSER="1")
    assert done.returncode != 0
    assert not any("pytest" in line for line in asked)


def test_make_test_skips_the_browser_only_when_told_to(make):
    done, asked = make("test", NO_BROWSER="1", CBAM_SKIP_BROWSER="1")
    assert done.returncode == 0
    assert "skipped" in done.stdout
    assert "pytest" in asked[-1]


def test_make_api_documents_the_public_names_in_a_folder_that_is_not_kept(make):
    done, asked = make("api")
    assert done.returncode == 0, done.stderr
    assert asked[-1].startswith("python -m pdoc --docformat google --output-directory build/api cbam_core ")
    assert "build/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_changed_pins_are_installed(make, tmp_path):
    make("app")
    changed = tmp_path / "a clone" / "requirements.txt"
    later = (tmp_path / "a clone" / ".venv" / ".runtime").stat().st_mtime + 10
    os.utime(changed, (later, later))
    _, asked = make("app")
    assert any("--requirement requirements.txt" in line for line in asked)


def test_an_old_python_is_named_as_the_reason(make):
    done, asked = make("app", OLD_PYTHON="1")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert asked == []


def test_a_missing_venv_module_is_named_as_the_reason(make, tmp_path):
    done, asked = make("test", NO_VENV="1")
    assert done.returncode != 0
    assert "python3-venv" in done.stderr
    assert asked == []
    assert not (tmp_path / "a clone" / ".venv").exists()
