"""Files of a figure: the same bytes every time, text as text, no dates, and clear errors."""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image

from cbam_core.errors import CbamError, RenderError
from cbam_core.render.paper.printed import MEDIA_TYPES, Kind, PrintedFigure
from cbam_core.render.paper.single import figure_of
from cbam_core.results.layout import Layout
from tests.plain_explanations import explained

KINDS: tuple[Kind, ...] = tuple(MEDIA_TYPES)
COARSE = 100
"""Dots per inch where their number does not matter."""


@pytest.fixture(scope="module")
def figure() -> PrintedFigure:
    return figure_of(explained(), Layout(width=84), truth="cat")


@pytest.fixture(scope="module")
def files(figure: PrintedFigure) -> dict[str, bytes]:
    return {kind: figure.as_bytes(kind, COARSE) for kind in KINDS}


@pytest.fixture(scope="module")
def again() -> PrintedFigure:
    return figure_of(explained(), Layout(width=84), truth="cat")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_explanation_gives_the_same_bytes(
    figure: PrintedFigure, again: PrintedFigure, files: dict[str, bytes], kind: Kind
) -> None:
    assert files[kind] == again.as_bytes(kind, COARSE)
    assert files[kind] == figure.as_bytes(kind, COARSE)


def test_settings_of_the_user_do_not_matter_and_stay(files: dict[str, bytes]) -> None:
    own = {"font.size": 20, "svg.fonttype": "path", "pdf.fonttype": 3, "savefig.bbox": "tight", "axes.grid": True}
    with mpl.rc_context(own):
        figure = figure_of(explained(), Layout(width=84), truth="cat")
        changed = {kind: figure.as_bytes(kind, COARSE) for kind in KINDS}
        assert {name: mpl.rcParams[name] for name in own} == own
    assert changed == files


def test_threads_draw_the_same() -> None:
    explanations = [explained((("cbam1", 8, 8),), seed=seed) for seed in range(4)]
    layout = Layout(width=84, parts=("masks", "bars"))
    expected = [figure_of(one, layout).as_bytes("svg") for one in explanations]
    found: dict[int, bytes] = {}
    threads = [
        threading.Thread(target=lambda seed=seed, one=one: found.update({seed: figure_of(one, layout).as_bytes("svg")}))
        for seed, one in enumerate(explanations)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(4)] == expected


def test_pdf_has_fonts_as_type_42_and_no_date(figure: PrintedFigure, files: dict[str, bytes]) -> None:
    content = files["pdf"]
    assert b"/CIDFontType2" in content
    assert b"NotoSansCJKsc-Regular" in content
    assert b"/Type3" not in content
    assert b"CreationDate" not in content
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", content)
    assert [float(length) for length in box] == pytest.approx([84 / 25.4 * 72, figure.height / 25.4 * 72], abs=0.01)


def test_svg_has_text_as_text_and_its_caption(figure: PrintedFigure, files: dict[str, bytes]) -> None:
    content = files["svg"].decode()
    assert re.search(r"<text [^>]*font-size: 7px[^>]*'Noto Sans CJK SC'[^>]*>cbam1</text>", content)
    assert "<dc:date>" not in content
    assert "Predicted as frog" in content
    width, height = re.search(r'<svg [^>]*height="([\d.]+)pt"[^>]*|<svg', content), figure.height / 25.4 * 72
    assert f'height="{height:.5f}'[:16] in content, width


def test_png_has_its_density_and_its_caption(figure: PrintedFigure) -> None:
    with Image.open(io.BytesIO(figure.as_bytes("png", 300))) as image:
        assert image.width == round(84 / 25.4 * 300)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert image.info["Description"] == figure.caption


def test_the_caption_is_not_drawn(figure: PrintedFigure) -> None:
    assert not [text for text in figure.drawn.texts if "Gates of" in text.get_text()]


def test_a_file_is_written_by_its_ending(figure: PrintedFigure, tmp_path: Path) -> None:
    for name in ("a.pdf", "a.SVG", "new/a.png"):
        path = figure.save(tmp_path / name)
        assert path.stat().st_size > 1000
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((600, 600), abs=0.1)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.pdf.txt"])
def test_another_ending_is_refused_in_one_sentence(figure: PrintedFigure, tmp_path: Path, name: str) -> None:
    with pytest.raises(RenderError, match=r"cannot be saved as '.*'; choose a name that ends in \.pdf, \.svg or \.png"):
        figure.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(figure: PrintedFigure, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CbamError, match="cannot write"):
        figure.save(tmp_path / "file" / "a.pdf")


def test_a_notebook_shows_it(figure: PrintedFigure) -> None:
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert "Gates of net" in repr(figure)


def test_an_unknown_font_is_named_in_one_sentence() -> None:
    with pytest.raises(RenderError, match="there is no font 'No Such Font' on this computer"):
        figure_of(explained(), Layout(font="No Such Font"))


def test_a_named_font_is_used() -> None:
    content = figure_of(explained(), Layout(font="DejaVu Sans")).as_bytes("pdf")
    assert b"DejaVuSans" in content
    assert b"NotoSans" not in content
