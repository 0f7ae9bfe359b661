"""The wheel alone: installed outside of the repository, beside a student's own ``app.py``, it does what README says."""

import json
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.interpreter import Interpreter

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("app", "cbam_core", "checkpoints", "pyproject.toml", "setup.py", "MANIFEST.in", "LICENSE", "README.md")
BUNDLE = "cbam_core/_bundle"


def succeeds(*command, cwd):
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy with what an earlier build may have left there."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(ROOT / name, source)
    (source / "app" / "__pycache__").mkdir()
    (source / "app" / "__pycache__" / "main.pyc").write_bytes(b"")
    (source / "build" / "lib" / "app").mkdir(parents=True)
    (source / "build" / "lib" / "app" / "old.py").write_text("")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-index", "--no-deps"]
    succeeds(*pip, "--no-build-isolation", "--wheel-dir", folder, ".", cwd=source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of programs of a fresh environment that holds the wheel, and for the rest what is here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    settings = {"base": str(folder), "platbase": str(folder)}
    own = Path(sysconfig.get_path("purelib", sysconfig.get_preferred_scheme("prefix"), settings))
    (own / "packages.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    programs = Path(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("prefix"), settings))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", programs / "python", "install"]
    succeeds(*pip, "--quiet", "--no-index", "--no-deps", "--ignore-installed", "--no-compile", wheel, cwd=folder)
    return programs


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """The folder of a student who has a photo, and an ``app.py`` and ``checkpoints`` of their own."""
    folder = tmp_path_factory.mktemp("student")
    (folder / "app.py").write_text("raise SystemExit('the app of the student')\n")
    (folder / "checkpoints").mkdir()
    shutil.copy(ROOT / "docs" / "pictures" / "inspect-phone.png", folder / "photo.jpg")
    return folder


@pytest.fixture(autouse=True, scope="module")
def _without_the_repository():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPATH", raising=False)
        yield


@pytest.fixture(scope="module")
def python(_without_the_repository, installed):
    """That environment's Python, which has imported torch once for all programs."""
    with closing(Interpreter(installed / "python")) as one:
        yield one


MODULE = """
import runpy, sys
sys.argv[0] = "cbam"
runpy.run_module("cbam_core", run_name="__main__", alter_sys=True)
"""
"""`python -m cbam_core`."""


def test_a_wheel_holds_the_app_and_the_networks_and_puts_only_the_library_at_the_top(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names} == {"cbam_core", "cbam_lens-0.1.0.dist-info"}
    bundled = {name.removeprefix(f"{BUNDLE}/") for name in names if name.startswith(f"{BUNDLE}/")}
    expected = {
        path.relative_to(ROOT).as_posix()
        for name in ("app", "checkpoints")
        for path in (ROOT / name).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != "ruff.toml" and ".ruff_cache" not in path.parts
    }
    assert bundled == expected
    assert not [name for name in names if name.endswith(".pyc") or "tests/" in name]
    said = zipfile.ZipFile(wheel).read("cbam_lens-0.1.0.dist-info/METADATA").decode("utf-8")
    assert "\nDescription-Content-Type: text/markdown\n" in said
    assert (ROOT / "README.md").read_text(encoding="utf-8") in said
    assert wheel.stat().st_size < 18 * 2**20


def test_explain_on_the_command_line(installed, python, student):
    assert succeeds(installed / "cbam", "--version", cwd=student) == "cbam-lens 0.1.0\n"
    python.succeeds(MODULE, "explain", "photo.jpg", "--out", "x", cwd=student)
    (manifest,) = (student / "x").rglob("manifest.json")
    assert json.loads(manifest.read_text(encoding="utf-8"))
    assert succeeds(installed / "python", "-m", "cbam_core", "--version", cwd=student) == "cbam-lens 0.1.0\n"


def test_the_library_example_of_the_readme(python, student):
    (example,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    said = python.succeeds(example, cwd=student)
    assert "cbam1.channel (32,) " in said
    assert "cbam1.spatial (16, 16) " in said
    assert "cbam3.spatial spatial (1, 4, 4)\n" in said
    assert (student / "out" / "manifest.json").is_file()


def test_the_app_is_ours_where_the_students_comes_first_on_the_path(python, student):
    server = python.start(MODULE, "app", "--port", 0, cwd=student)
    try:
        address = server.says(r"ready at (http://\S+)")[1]
        with urllib.request.urlopen(f"{address}/api/ready", timeout=10) as answer:
            assert json.load(answer)["versions"]["cbam-lens"] == "0.1.0"
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert b"<title>" in answer.read()
    finally:
        server.kill(signal.SIGTERM)
        server.wait()
