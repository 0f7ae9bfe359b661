"""One figure of a comparison: it shows what the page shows."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.compare import download as room
from app.compare.download import download_classes, download_sides
from app.session.uploads import Fitted
from app.widgets import downloads, paper
from cbam_core import Comparison, explain, load_classifier
from cbam_core.data.images import decode
from cbam_core.explanation.comparison import compare, pairs_of
from cbam_core.render.paper.pair import PairStyle, pair_of
from cbam_core.render.paper.sides import side_of
from cbam_core.results.layout import Layout
from tests.corpus.image_files import transparent_png
from tests.plain_explanations import explained
from tests.plain_means import means_of
from tests.report.reading import read


@pytest.fixture
def offered(monkeypatch):
    """What is offered: functions that make files, by their names."""
    files = {}
    monkeypatch.setattr(room.st, "popover", lambda *_, **__: room.st.container())
    for one in (room, paper, downloads):
        monkeypatch.setattr(
            one.st, "download_button", lambda _, make, *, file_name, **__: files.update({file_name: make})
        )
    return files


BLOCK = (("cbam1", 32, 8),)
"""One block of more channels than both ends have."""


@pytest.fixture(scope="module")
def sides():
    return explained(BLOCK, seed=1), replace(explained(BLOCK, seed=2), image_digest="ef" * 32)


def made(offered, ending):
    (make,) = [make for name, make in offered.items() if name.startswith("compared-") and name.endswith(ending)]
    return make()


def test_one_figure_has_both_sides_and_the_difference_as_the_page_shows_them(offered, sides):
    download_sides(sides, ("cat", "dog"), {})
    expected = Comparison(*sides).figure(truths=("cat", "dog"), opacity=0.6, ends=10)
    assert made(offered, ".pdf") == expected.as_bytes("pdf")
    assert made(offered, ".svg") == expected.as_bytes("svg")
    assert made(offered, ".txt").decode() == f"{expected.caption}\n"


def test_the_zip_of_both_is_offered_with_it(offered, sides):
    download_sides(sides, (None, None), {})
    assert [name for name in offered if name.endswith(".zip")]


def test_a_web_page_has_both_sides_with_their_true_classes(offered, sides):
    download_sides(sides, ("cat", "dog"), {})
    (make,) = [make for name, make in offered.items() if name.endswith(".html")]
    entries = json.loads(read(make().decode()).data)["entries"]
    assert {entry["name"]: entry["truth"] for entry in entries} == {"A": "cat", "B": "dog"}


@pytest.mark.parametrize(
    ("chosen", "layout", "style"),
    [
        ({"compare-masks": "alone"}, {"opacity": 1.0}, {"ends": 10}),
        ({"compare-colours": "fixed"}, {}, {"limit": 1.0, "ends": 10}),
        ({"compare-order": "difference", "compare-ends": 0}, {"order": "difference"}, {}),
    ],
)
def test_settings_of_the_page_reach_the_figure(offered, sides, monkeypatch, chosen, layout, style):
    usual = room._settings()
    monkeypatch.setattr(room, "_settings", lambda: usual | chosen)
    download_sides(sides, (None, None), {})
    left, right = sides
    expected = pair_of(
        (side_of(left, "A"), side_of(right, "B")),
        pairs_of(compare(left.blocks, right.blocks)),
        Layout(**{"opacity": 0.6, **layout}),
        PairStyle(**style),
    )
    assert made(offered, ".svg") == expected.as_bytes("svg")


def test_names_differ_where_the_figures_do(offered, sides, monkeypatch):
    download_sides(sides, ("cat", "dog"), {})
    download_sides(sides, (None, None), {})
    download_sides(sides[::-1], (None, None), {})
    usual = room._settings()
    monkeypatch.setattr(room, "_settings", lambda: usual | {"compare-colours": "fixed"})
    download_sides(sides, (None, None), {})
    assert len([name for name in offered if name.endswith(".pdf")]) == 4


def test_masks_lie_on_the_image_as_it_was_given(offered, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    one = explained(BLOCK)
    download_sides((one, one), (None, None), {"b": content})
    sides = side_of(one, "A"), side_of(one, "B", original=decode(content).pixels)
    blocks = pairs_of(compare(one.blocks, one.blocks))
    expected = pair_of(sides, blocks, Layout(opacity=0.6), PairStyle(ends=10))
    assert made(offered, ".svg") == expected.as_bytes("svg")


def test_an_image_is_read_for_its_figure_as_for_the_page(offered):
    content = transparent_png()
    one = explain(load_classifier("cbam_cnn_cifar10"), decode(content, ground="black"))
    download_sides((one, one), (None, None), {"b": content}, {"b": Fitted(ground="black")})
    sides = side_of(one, "A"), side_of(one, "B", original=decode(content, ground="black").pixels)
    expected = pair_of(sides, pairs_of(compare(one.blocks, one.blocks)), Layout(opacity=0.6), PairStyle(ends=10))
    assert made(offered, ".svg") == expected.as_bytes("svg")
    assert not np.array_equal(decode(content).pixels, decode(content, ground="black").pixels)


def test_classes_have_a_figure_of_their_means(offered, sides):
    classifier = load_classifier("cbam_cnn_cifar10")
    download_classes({"cat": means_of(sides[:1]), "dog": means_of(sides[1:])}, classifier)
    caption = made(offered, ".txt").decode()
    assert caption.startswith("A cat: mean gates of cbam_cnn_cifar10 over 1 images. B dog: mean gates of")
    assert made(offered, ".pdf").startswith(b"%PDF")
    download_classes({"cat": means_of(sides)}, classifier)
    assert len([name for name in offered if name.endswith(".pdf")]) == 2
