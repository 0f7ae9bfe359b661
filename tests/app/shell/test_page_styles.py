"""What stylesheets of the app ask of a browser at every change of a page."""

import re
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[3] / "app"
FILES = [
    path for path in sorted(APP.rglob("*")) if path.suffix in {".css", ".py"} and ":has(" in path.read_text("utf-8")
]
ANYWHERE = re.compile(r'(?:^|[\s,>+~"({}]):(?<!:not\(:)has\(|\.stApp:has\(')
"""A look into the whole page, or into whatever there is."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(APP)))
def test_only_named_elements_are_looked_into(path):
    """With others, a browser reckons the styles of all elements again whenever one is added: four times the work."""
    assert ANYWHERE.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("selector", [".stApp:has(.a) .b", ".a > :has(> .b)", ":has(> .a)", "x, :has(> .a)"])
def test_looks_into_everything_are_found(selector):
    assert ANYWHERE.search(selector)


@pytest.mark.parametrize(
    "selector", [".a:not(:has(> .b))", ".a:has(> .b)", '[data-testid="a"]:has(.b) .c', ":is(a, b):has(> .c)"]
)
def test_looks_into_named_elements_are_not(selector):
    assert not ANYWHERE.search(selector)
