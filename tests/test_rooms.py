"""The plan of the house in docs/architecture.md: who may import whom."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLAN = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SOURCES = [*sorted((ROOT / "cbam_core").rglob("*.py")), *sorted((ROOT / "app").rglob("*.py"))]


def rooms(heading):
    """Names in the first column of the first table under a heading, in order."""
    table = re.search(r"(^\|.*\n)+", PLAN.split(f"## {heading}\n")[1], flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| (`.+?) \|", table, flags=re.MULTILINE)
    return [name.removesuffix("/").removesuffix(".py") for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


CORE = rooms("Rooms of `cbam_core`")
APP = rooms("Rooms of `app`")
PAGES = {path.parent.name for path in (ROOT / "app").glob("*/page.py")}


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def statements(node):
    """All statements of a file or block, without those for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from statements(other)
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from statements(child)


@cache
def read(path):
    """What a file imports, and its functions; no tree is kept, or garbage collection would walk through all of them."""
    every = list(statements(tree_of(path)))
    return imported_by(every), functions_of(every)


def imported_by(every):
    """Modules that are imported, inside functions too; imports for type checkers alone are left out."""
    found = []
    for node in every:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def functions_of(every):
    """The name of each function, and those of its parameters without the object itself."""
    found = []
    for node in every:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            of_all = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            found.append((node.name, [one.arg for one in of_all if one is not None and one.arg not in ("self", "cls")]))
    return found


def imported(path):
    return read(path)[0]


def room_of(module, package="cbam_core"):
    parts = module.split(".")
    return parts[1] if parts[0] == package and len(parts) > 1 else None


def test_every_room_is_on_the_plan_and_every_planned_room_exists():
    package = ROOT / "cbam_core"
    there = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    assert there - {"__init__", "__main__"} == set(CORE)
    front = ROOT / "app"
    there = {path.stem for path in front.glob("*.py")} | {path.parent.name for path in front.glob("*/__init__.py")}
    assert there - {"__init__"} == set(APP)


SAVING = {
    ("cbam_core/results/explanation.py", "cbam_core.explanation.saving.save"),
    ("cbam_core/results/explanation.py", "cbam_core.render.paper.single.figure_of"),
    ("cbam_core/results/explanation.py", "cbam_core.report.output_html"),
    ("cbam_core/results/explanations.py", "cbam_core.report.gallery_html"),
    ("cbam_core/results/explanations.py", "cbam_core.report.saving.save_report"),
}
"""`Explanation.save` and `Explanation.figure` are public names, results show themselves in a notebook, and drawing
stands below results: they look down, and only when they are called."""


def imports(package):
    """Each file of a package, its room, and a module that it imports."""
    for path in SOURCES:
        if path.is_relative_to(ROOT / package):
            own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts), package)
            yield from ((path.relative_to(ROOT).as_posix(), own, module) for module in imported(path))


def test_a_file_imports_only_from_rooms_above_its_own():
    for place, own, module in imports("cbam_core"):
        assert not re.match(r"streamlit\b", module), f"{place} imports {module}"
        assert not module.startswith("app.") or own == "cli", f"{place} imports {module}"
        other = room_of(module)
        if own in CORE and other in CORE and other != own and (place, module) not in SAVING:
            assert CORE.index(other) < CORE.index(own), f"{place} imports {module}, which stands below it"


LAZY_EDGE = ("app/server/launch.py", "app.shell.warm_up.warm_up")
"""The launcher starts everything, so it alone looks down, and only when it is called."""


def test_a_file_of_the_app_imports_only_from_rooms_above_its_own():
    for place, own, module in imports("app"):
        assert not re.match(r"torch(vision)?\b", module), f"{place} imports {module}"
        other = room_of(module, "app")
        if own in APP and other in APP and other != own and (place, module) != LAZY_EDGE:
            assert APP.index(other) < APP.index(own), f"{place} imports {module}, which stands below it"
            assert not (own in PAGES and other in PAGES), f"{place} imports {module}, which is another page"


DATA_SETS = {"cbam_core.data.cifar10", "cbam_core.data.samples"}
CHOOSERS = {
    "app/services/dataset.py",
    "cbam_core/cli/dataset.py",
    "cbam_core/training/filming.py",
    "cbam_core/weights/assumed.py",
}
"""Files that choose a data set for others: what visitors see, what is fetched, filmed, and assumed of plain weights."""


def test_only_those_who_choose_a_data_set_know_which_there_are():
    chosen = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for module in imported(path)
        if any(f"{module}.".startswith(f"{known}.") for known in DATA_SETS)
    }
    assert {path for path in chosen if not path.startswith("cbam_core/data/")} == CHOOSERS


def test_one_class_alone_touches_the_sessions_state():
    touching = {
        (path.relative_to(ROOT).as_posix(), getattr(holder, "name", ""))
        for path in SOURCES
        if path.is_relative_to(ROOT / "app") and "session_state" in path.read_text(encoding="utf-8")
        for holder in tree_of(path).body
        if any(isinstance(node, ast.Attribute) and node.attr == "session_state" for node in ast.walk(holder))
    }
    assert touching == {("app/session/choices.py", "Entry")}


PARAMETERS = 8
"""Most parameters of one function; what belongs together is one object, of a command a group of options."""


def test_no_function_takes_more_parameters_than_a_reader_keeps_in_mind():
    for path in SOURCES:
        for name, names in read(path)[1]:
            assert len(names) <= PARAMETERS, f"{name} in {path.relative_to(ROOT)} takes {', '.join(names)}"
