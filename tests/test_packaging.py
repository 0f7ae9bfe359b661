"""What surrounds the code: pins, package data, the Makefile, the image, and the checks that tests rely on."""

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
IMPORTED_AS = {"PIL": "pillow"}


def requirements(lines):
    """Packages of others by their names; extras of this project include each other."""
    parsed = map(Requirement, lines)
    return {one.name: one.specifier for one in parsed if one.name != PROJECT["name"]}


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


CORE = requirements(PROJECT["dependencies"])
EXTRA = {name: requirements(lines) for name, lines in PROJECT["optional-dependencies"].items() if name != "all"}
RUNTIME = CORE | EXTRA["app"] | EXTRA["atlas"] | EXTRA["evidence"] | EXTRA["figures"] | EXTRA["train"]
DEVELOPMENT = EXTRA["dev"]


@pytest.mark.parametrize(("name", "bounds"), [("requirements.txt", RUNTIME), ("requirements-dev.txt", DEVELOPMENT)])
def test_every_dependency_is_pinned_once_within_its_bounds(name, bounds):
    lines = pins(name)
    assert lines == sorted(lines)
    assert all(re.fullmatch(r"[a-z-]+==[\d.]+", line) for line in lines)
    pinned = dict(line.split("==") for line in lines)
    assert set(pinned) == set(bounds)
    for package, version in pinned.items():
        assert version in bounds[package], f"{package} {version} is not {bounds[package]}"


def third_party_imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in {"app", "cbam_core"}:
                yield top


@pytest.mark.parametrize("folder", ["cbam_core", "app"])
def test_everything_that_is_imported_is_declared(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for name in third_party_imports(path):
            declared = RUNTIME | EXTRA["interop"] | EXTRA["cluster"]
            assert IMPORTED_AS.get(name, name) in declared, f"{path} imports {name}"


def test_only_charts_of_the_library_need_a_package_of_the_app():
    for path in (ROOT / "cbam_core").rglob("*.py"):
        needed = set(third_party_imports(path)) & set(EXTRA["app"])
        assert needed <= ({"plotly"} if path == ROOT / "cbam_core" / "render" / "charts.py" else set()), path


def test_only_training_needs_a_package_of_its_extra():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = set(third_party_imports(path)) & set(EXTRA["train"]) - {"torchvision"}
        assert not needed or path.parent == ROOT / "cbam_core" / "training", path


def test_only_figures_need_a_package_of_their_extra():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = set(third_party_imports(path)) & set(EXTRA["figures"])
        place = path.relative_to(ROOT / "cbam_core").as_posix() if path.is_relative_to(ROOT / "cbam_core") else ""
        assert not needed or place.startswith(("render/paper/", "training/figures.py")), path


def test_only_maps_of_captum_need_it():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = set(third_party_imports(path)) & set(EXTRA["evidence"])
        assert not needed or path == ROOT / "cbam_core" / "evidence" / "by_captum.py", path


def test_only_the_atlas_needs_a_package_of_its_extra():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = set(third_party_imports(path)) & set(EXTRA["atlas"])
        assert not needed or path.parent == ROOT / "cbam_core" / "atlas", path


def test_only_a_cluster_needs_ray():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = set(third_party_imports(path)) & set(EXTRA["cluster"])
        assert not needed or path.name in {"cluster.py", "ray_session.py"}, path


def test_app_and_training_include_figures():
    for extra in ("app", "train"):
        assert "cbam-lens[figures]" in PROJECT["optional-dependencies"][extra]


def test_no_package_belongs_to_two_extras():
    from cbam_core.cli.failures import EXTRAS

    assert (
        not (set(CORE) & set(EXTRA["app"]))
        | (set(CORE) & set(EXTRA["train"]))
        | (set(EXTRA["app"]) & set(EXTRA["train"]))
        | (set(EXTRA["evidence"]) & (set(CORE) | set(EXTRA["app"]) | set(EXTRA["train"])))
        | (set(EXTRA["atlas"]) & (set(CORE) | set(EXTRA["app"]) | set(EXTRA["train"]) | set(EXTRA["figures"])))
        | (set(EXTRA["figures"]) & (set(CORE) | set(EXTRA["app"]) | set(EXTRA["train"])))
    )
    assert {
        name: extra for extra in ("app", "atlas", "cluster", "evidence", "figures", "train") for name in EXTRA[extra]
    } == EXTRAS
    assert PROJECT["optional-dependencies"]["all"] == ["cbam-lens[app,atlas,evidence,train]"]


HIDE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


def without(hidden, program, *words, cwd):
    """Runs a program as if some packages were not installed."""
    return subprocess.run(
        [sys.executable, "-c", f"HIDDEN = {sorted(hidden)}\n{HIDE}\n{program}", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_explain_and_save_need_the_core_packages_alone(picture_file, tmp_path):
    needed = {"torch", "numpy", "PIL", "safetensors", "jaxtyping"}
    program = """
from cbam_core import capture, explain, load_classifier
classifier = load_classifier("cbam_cnn_cifar10")
explanation = explain(classifier, sys.argv[1])
explanation.save("out")
with capture(classifier.model) as record:
    classifier.model(classifier.preprocess(sys.argv[1])[None])
print(len(record.gates), len(explanation.blocks))
"""
    others = (set(RUNTIME) | set(DEVELOPMENT) | {"pandas", "scipy", "yaml"}) - needed - {"pillow", "setuptools"}
    done = without(others, program, str(picture_file), cwd=tmp_path)
    assert done.stdout == "6 3\n", done.stderr
    assert (tmp_path / "out" / "manifest.json").is_file()


COMMAND = "from cbam_core.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize("package", ["accelerate", "tensorboard"])
def test_training_without_its_extra_says_what_to_install(package, tmp_path):
    done = without({package}, COMMAND, "train", "--out", "runs/one", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == (
        f"cbam: this command needs {package}, which is not installed; run: pip install 'cbam-lens[train]'\n"
    )


def test_a_missing_package_of_no_extra_is_a_fault(tmp_path):
    from cbam_core.cli.failures import missing_extra

    assert missing_extra(ModuleNotFoundError("No module named 'no_such'", name="no_such")) is None
    assert missing_extra(ValueError("plotly")) is None


def test_every_file_of_the_library_is_installed_with_it():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folder = ROOT / "cbam_core"
    covered = {path for pattern in settings["package-data"]["cbam_core"] for path in folder.glob(pattern)}
    assert not installable(folder) - covered


def installable(folder):
    """What is no code in a package, without the settings and caches of tools."""
    return {
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix not in {".py", ".pyc"}
        and path.name != "ruff.toml"
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


@pytest.mark.parametrize("package", ["cbam_core", "app"])
def test_every_folder_of_code_is_a_package(package):
    for path in (ROOT / package).rglob("*.py"):
        assert (path.parent / "__init__.py").exists(), f"{path.parent} is not a package"


def test_the_command_is_where_the_metadata_say():
    from importlib.metadata import entry_points

    (command,) = entry_points(group="console_scripts", name="cbam")
    assert command.value == PROJECT["scripts"]["cbam"] == "cbam_core.cli:run"
    assert callable(command.load())


def test_the_licence_is_the_one_that_is_declared():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "MIT AND OFL-1.1"  # of the font
    assert all((ROOT / name).is_file() for name in PROJECT["license-files"])
    assert text.startswith("MIT License\n\nCopyright (c) 2026 CBAM Lens contributors\n")
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in text


def test_the_citation_is_valid_and_agrees_with_the_metadata():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == PROJECT["version"]
    assert " AND ".join(citation["license"]) == PROJECT["license"]
    (paper,) = citation["references"]
    assert paper["url"] in PROJECT["urls"].values()
    assert [author["family-names"] for author in paper["authors"]] == ["Woo", "Park", "Lee", "Kweon"]


def test_no_registry_but_pytorchs_own_is_named():
    hosts = set()
    for name in (
        "Makefile",
        "requirements.txt",
        "requirements-dev.txt",
        "pyproject.toml",
        "Dockerfile",
        "compose.yaml",
    ):
        hosts |= set(re.findall(r"https?://([^/:\s]+)", (ROOT / name).read_text(encoding="utf-8")))
    assert hosts <= {"download.pytorch.org", "arxiv.org", "localhost", "127.0.0.1"}


def test_annotations_are_checked_while_tests_run():
    from jaxtyping import TypeCheckError

    from cbam_core.data.fitting import fit_image

    with pytest.raises(TypeCheckError):
        fit_image(np.zeros((4, 4), np.uint8), (32, 32))  # no axis of colours


# The Makefile, with a stand-in for Python that only notes what it is asked for.

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
    assert asked[-1] == "python -m pytest -n 2 --dist loadfile --no-loadscope-reorder CHROME=/found/chromium"


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


def test_ci_runs_what_everybody_runs():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    lines = script.read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test < /dev/null"]


def test_the_image_is_built_from_files_that_there_are_and_does_not_run_as_root():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sources = [source for words in re.findall(r"^COPY (.+)$", text, re.MULTILINE) for source in words.split()[:-1]]
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert "/api/ready" in text
    assert text.rstrip().endswith('CMD ["cbam", "app", "--host", "0.0.0.0"]')
    assert f"ARG TORCH_INDEX={CPU_INDEX}" in text


# Several replicas behind a proxy.


@pytest.fixture
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_plain_compose_starts_one_process_for_this_machine_alone(services):
    assert [name for name, service in services.items() if "profiles" not in service] == ["lens"]
    assert services["lens"]["ports"] == ["127.0.0.1:8501:8501"]


@pytest.mark.parametrize("name", ["lens", "replica", "proxy"])
def test_no_service_may_more_than_it_needs(services, name):
    service = services[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(str(port).startswith(("127.0.0.1:", "${")) for port in service.get("ports", []))
    assert all(":-127.0.0.1:" in port for port in service.get("ports", []) if port.startswith("${"))


def test_the_proxy_brings_the_replicas_along_and_nothing_else_is_reached_from_outside(services):
    assert services["proxy"]["depends_on"] == ["replica"]
    assert services["proxy"]["profiles"] == services["replica"]["profiles"] == ["replicas"]
    assert services["replica"]["deploy"]["replicas"] >= 2
    assert "ports" not in services["replica"]
    assert services["lens"]["image"] == services["replica"]["image"]
    (source, target, mode) = services["proxy"]["volumes"][0].split(":")
    assert (ROOT / source).is_file()
    assert (target, mode) == ("/etc/caddy/Caddyfile", "ro")


def test_the_proxy_keeps_visitors_at_one_replica_and_metrics_to_the_operator():
    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert "{$CBAM_REPLICAS:replica} 8501" in text
    assert "lb_policy cookie" in text
    assert re.search(r"path \*/_stcore/metrics\n\s+respond @operator 404", text)


def test_the_proxy_takes_the_largest_upload():
    from app.server.options import MAX_UPLOAD_MEGABYTES

    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert int(re.search(r"max_size (\d+)MB", text)[1]) * 10**6 >= (MAX_UPLOAD_MEGABYTES + 1) * 2**20


def test_the_proxy_understands_its_file():
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed")
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / "Caddyfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# The browser.


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
    command += ["--override-ini", "addopts=--strict-markers"]  # types need not be watched
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
