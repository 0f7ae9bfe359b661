"""What surrounds the code: pins, package data, the licence, the image, and the checks that tests rely on."""

import ast
import re
import runpy
import stat
import sys
import tomllib
from functools import cache

import numpy as np
import pytest
import yaml

from tests.pinned import CPU_INDEX, PROJECT, ROOT, pins, requirements

IMPORTED_AS = {"PIL": "pillow"}
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


@cache
def third_party_imports(path):
    """Names of the packages of others that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        found |= {name.partition(".")[0] for name in names}
    return found - sys.stdlib_module_names - {"app", "cbam_core"}


@pytest.mark.parametrize("folder", ["cbam_core", "app"])
def test_everything_that_is_imported_is_declared(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for name in third_party_imports(path):
            declared = RUNTIME | EXTRA["interop"] | EXTRA["cluster"]
            assert IMPORTED_AS.get(name, name) in declared, f"{path} imports {name}"


def test_the_plan_gives_a_reason_for_each_package():
    plan = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Dependencies")[2].lower()
    optional = EXTRA["cluster"] | EXTRA["tsne"] | EXTRA["heic"] | EXTRA["interop"]
    assert [name for name in RUNTIME | optional if not re.search(rf"\b{name}\b", plan)] == []


def test_only_charts_of_the_library_need_a_package_of_the_app():
    for path in (ROOT / "cbam_core").rglob("*.py"):
        needed = third_party_imports(path) & set(EXTRA["app"])
        assert needed <= ({"plotly"} if path == ROOT / "cbam_core" / "render" / "charts.py" else set()), path


def test_only_training_needs_a_package_of_its_extra():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = third_party_imports(path) & set(EXTRA["train"]) - {"torchvision"}
        assert not needed or path.parent == ROOT / "cbam_core" / "training", path


def test_only_figures_need_a_package_of_their_extra():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = third_party_imports(path) & set(EXTRA["figures"])
        place = path.relative_to(ROOT / "cbam_core").as_posix() if path.is_relative_to(ROOT / "cbam_core") else ""
        assert not needed or place.startswith(("render/paper/", "training/figures.py")), path


def test_only_maps_of_captum_need_it():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = third_party_imports(path) & set(EXTRA["evidence"])
        assert not needed or path == ROOT / "cbam_core" / "evidence" / "by_captum.py", path


def test_only_the_atlas_needs_a_package_of_its_extra():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = third_party_imports(path) & set(EXTRA["atlas"])
        assert not needed or path.parent == ROOT / "cbam_core" / "atlas", path


def test_only_a_cluster_needs_ray():
    for path in [*(ROOT / "cbam_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        needed = third_party_imports(path) & set(EXTRA["cluster"])
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

for name in [name for name in sys.modules if name.partition(".")[0] in HIDDEN]:
    del sys.modules[name]

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


@pytest.fixture
def without(interpreter, tmp_path):
    """Runs a program as if some packages were not installed."""

    def run(hidden, program, *words):
        where = f"import sys; sys.path.insert(1, {str(ROOT)!r})\n"
        return interpreter.run(f"{where}HIDDEN = {sorted(hidden)}\n{HIDE}\n{program}", *words, cwd=tmp_path)

    return run


def test_explain_and_save_need_the_core_packages_alone(without, picture_file, tmp_path):
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
    done = without(others, program, picture_file)
    assert done.stdout == b"6 3\n", done.stderr.decode()
    assert (tmp_path / "out" / "manifest.json").is_file()


COMMAND = "from cbam_core.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize("package", ["accelerate", "tensorboard"])
def test_training_without_its_extra_says_what_to_install(without, package):
    done = without({package}, COMMAND, "train", "--out", "runs/one")
    assert done.returncode == 3
    assert done.stderr.decode() == (
        f"cbam: this command needs {package}, which is not installed; run: pip install 'cbam-lens[train]'\n"
    )


def test_a_missing_package_of_no_extra_is_a_fault(tmp_path):
    from cbam_core.cli.failures import missing_extra

    assert missing_extra(ModuleNotFoundError("No module named 'no_such'", name="no_such")) is None
    assert missing_extra(ValueError("plotly")) is None


def test_a_package_page_shows_the_pictures_of_the_readme_once_the_project_has_an_address():
    described = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")["described"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert described(readme, None) == readme
    written = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", readme)
    shown = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", described(readme, "https://example.org/a/b/"))
    assert len(shown) == len(written)
    assert [mark for mark, address in written if mark and not address.startswith("https://")]
    for (mark, there), (_, given) in zip(written, shown, strict=True):
        way = "raw" if mark else "blob"
        relative = not there.startswith(("https://", "http://", "#"))
        assert given == (f"https://example.org/a/b/{way}/HEAD/{there}" if relative else there)


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
