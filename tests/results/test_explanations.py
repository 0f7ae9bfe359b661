import pickle

import pytest

from cbam_core.errors import RenderError
from cbam_core.results.explanations import Explanations
from tests.plain_explanations import explained
from tests.report.reading import read

ONE, TWO, THREE = (explained(seed=seed) for seed in range(3))
NAMED = Explanations([ONE, TWO, THREE], ["a.png", "b.png", "c.png"])


def test_it_is_a_list():
    assert isinstance(NAMED, list)
    assert NAMED == [ONE, TWO, THREE]
    assert NAMED[1] is TWO
    assert [*NAMED, ONE] == [ONE, TWO, THREE, ONE]
    assert len(pickle.loads(pickle.dumps(NAMED))) == 3
    assert pickle.loads(pickle.dumps(NAMED)).names == NAMED.names


def test_a_slice_keeps_its_names():
    part = NAMED[1:]
    assert isinstance(part, Explanations)
    assert part.names == ("b.png", "c.png")


def test_repr_is_one_line():
    assert repr(NAMED) == "Explanations(3 images, by 'net')"
    assert repr(NAMED[:1]) == "Explanations(1 image, by 'net')"
    assert repr(Explanations()) == "Explanations(0 images)"


def test_names_are_forgotten_when_the_list_has_changed():
    changed = NAMED[:]
    changed.pop(0)
    assert "image 1" in read(changed._repr_html_()).words


def test_a_report_is_one_file_with_names_and_mistakes(tmp_path):
    path = NAMED.report(tmp_path / "new" / "report.html", truths=["frog", "cat", None], title="Frogs")
    words = read(path.read_text(encoding="utf-8")).words
    assert path == tmp_path / "new" / "report.html"
    assert "Frogs 3 images · 1 of 2 right" in words
    assert words.index("b.png") < words.index("a.png")


def test_a_report_needs_images_and_as_many_truths(tmp_path):
    with pytest.raises(RenderError, match="at least one image"):
        Explanations().report(tmp_path / "x.html")
    with pytest.raises(RenderError, match="3 images needs as many names and true classes; given 1"):
        NAMED.report(tmp_path / "x.html", truths=["frog"])
    assert list(tmp_path.iterdir()) == []
