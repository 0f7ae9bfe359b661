import pickle

import numpy as np
import pytest
import torch

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


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor, lambda labels: [np.int64(one) for one in labels]])
def test_a_number_as_truth_is_the_index_of_a_class(tmp_path, kind):
    right = [one.classes.index(one.predicted) for one in NAMED]
    words = read(NAMED.report(tmp_path / "a.html", truths=kind(right)).read_text(encoding="utf-8")).words
    assert "3 of 3 right" in words
    other = [(right[0] + 1) % len(ONE.classes), *right[1:]]
    words = read(NAMED.report(tmp_path / "b.html", truths=kind(other)).read_text(encoding="utf-8")).words
    assert "2 of 3 right" in words
    assert f"true class: {ONE.classes[other[0]]}" in words


@pytest.mark.parametrize("truth", ["unicorn", 99, -1])
def test_a_truth_that_is_no_class_is_refused(tmp_path, truth):
    with pytest.raises(RenderError, match="is no class of the network"):
        NAMED.report(tmp_path / "x.html", truths=[None, None, truth])


@pytest.mark.parametrize("given", [{"truths": "dog"}, {"names": "abc"}])
def test_names_and_truths_are_lists(tmp_path, given):
    with pytest.raises(RenderError, match="one entry for each image"):
        NAMED.report(tmp_path / "x.html", **given)


def test_labels_of_a_data_loader_are_the_truths_of_a_report(tmp_path):
    second = ONE.classes[1]
    labelled = Explanations([ONE, TWO, THREE], labels=[0, second, -100])
    assert labelled[1:].labels == (second, -100)
    path = labelled.report(tmp_path / "report.html")
    stated = NAMED.report(tmp_path / "stated.html", truths=[0, second, None], names=["", "", ""])
    assert read(path.read_text()).words.split() == read(stated.read_text()).words.split()
    assert path.read_text().count(second) > Explanations([ONE, TWO, THREE]).report(path).read_text().count(second)


def test_labels_are_forgotten_when_the_list_has_changed(tmp_path):
    changed = Explanations([ONE, TWO], labels=[0, 1])
    changed.append(THREE)
    plain = Explanations([ONE, TWO, THREE]).report(tmp_path / "plain.html")
    assert read(changed.report(tmp_path / "changed.html").read_text()).words == read(plain.read_text()).words
