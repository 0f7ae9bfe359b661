"""A figure of one explanation: its numbers are those of the explanation, and everything lies on the page."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cbam_core.errors import ImageError, RenderError
from cbam_core.render.overlay import cells_on_input, overlay
from cbam_core.render.paper.printed import PrintedFigure
from cbam_core.render.paper.single import figure_of
from cbam_core.render.paper.words import WORDS
from cbam_core.results.explanation import Block, Explanation, Gate
from cbam_core.results.layout import PARTS, Layout
from cbam_core.results.look import Look
from tests.plain_explanations import TWO, explained
from tests.render.paper.page import boxes_of_texts

FEW = (("a", 4, 4), ("b", 4, 4))
SIX = tuple((f"stage{stage}.{index}.cbam", 64, 8) for stage in (1, 2, 3) for index in (0, 1))


@pytest.fixture(scope="module")
def plain() -> PrintedFigure:
    """The figure of an explanation with all defaults; shared, so never changed by a test."""
    return figure_of(explained())


def axes(figure: Any, name: str) -> Any:
    """The axes of one part, by its name."""
    (found,) = [one for one in figure.axes if one.get_gid() == name]
    return found


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.texts]


def heights(figure: Any, name: str) -> np.ndarray:
    return np.array([bar.get_height() + bar.get_y() for bar in axes(figure, name).patches])


def test_bars_are_as_high_as_the_weights(plain: PrintedFigure) -> None:
    for block in explained().blocks:
        assert heights(plain.drawn, f"{block.name}.channel") == pytest.approx(block.channel_weights)


def test_many_bars_are_one_outline_of_the_same_heights() -> None:
    explanation = explained((("b", 2000, 4),))
    (outline,) = axes(figure_of(explanation).drawn, "b.channel").patches
    assert np.array_equal(outline.get_data().values, explanation.blocks[0].channel_weights.astype(np.float64))


@pytest.mark.parametrize(("order", "key"), [("sorted", "values"), ("unusual", "against_usual")])
def test_sorted_bars_are_drawn_sorted(order: str, key: str) -> None:
    explanation = explained()
    gate = explanation.blocks[1].gate("channel")
    ranked = np.argsort(-getattr(gate, key).astype(np.float64), kind="stable")
    drawn = figure_of(explanation, Layout(order=order)).drawn  # type: ignore[arg-type]
    assert heights(drawn, "cbam2.channel") == pytest.approx(gate.values[ranked])


def test_marks_are_the_usual_weights(plain: PrintedFigure) -> None:
    (marks,) = axes(plain.drawn, "cbam1.channel").collections
    assert [line[0, 1] for line in marks.get_segments()] == pytest.approx(
        explained().blocks[0].gate("channel").usual.mean
    )


@pytest.mark.parametrize(("reading", "key"), [("relative", "relative"), ("usual", "against_usual")])
def test_bars_and_masks_are_drawn_in_the_reading(reading: str, key: str) -> None:
    explanation = explained()
    drawn = figure_of(explanation, Layout(reading=reading)).drawn  # type: ignore[arg-type]
    gate = explanation.blocks[0].gate("channel")
    assert heights(drawn, "cbam1.channel") == pytest.approx(getattr(gate, key), abs=1e-6)
    mask = getattr(explanation.blocks[0].gate("spatial"), key)
    assert f"{mask.max():.2f}" in "".join(texts(drawn))


@pytest.mark.parametrize("options", [{}, {"opacity": 1.0}, {"colours": "magma", "scale": "stretch"}, {"smooth": True}])
def test_masks_are_the_overlays_of_the_screen(options: dict[str, Any]) -> None:
    explanation = explained()
    block = explanation.blocks[0]
    layout = Layout(parts=("masks",), **options)
    pixels = np.asarray(axes(figure_of(explanation, layout).drawn, "cbam1.masks").images[0].get_array())
    zoom = pixels.shape[0] // 32
    expected = overlay(
        explanation.input_image, block.spatial_mask, cells_on_input(block.placement), Look(**options), zoom=zoom
    )
    assert np.array_equal(pixels, expected)


def test_the_caption_says_where_places_are_not_exact(plain: PrintedFigure) -> None:
    explanation = explained()
    first, *others = explanation.blocks
    assert "Blocks whose place" not in plain.caption
    placed = replace(first.placement, status="approximate", bound=2.25)
    near = replace(explanation, blocks=(replace(first, placement=placed), *others))
    assert "Blocks whose place is approximate: 1; their cells lie up to 2.2 pixels" in figure_of(near).caption


def test_usual_masks_and_differences_stand_alone() -> None:
    explanation = explained()
    drawn = figure_of(explanation, Layout(parts=("masks", "usual", "difference"))).drawn
    block = explanation.blocks[0]
    gate, cells = block.gate("spatial"), cells_on_input(block.placement)
    for part, values, reading in (("usual", gate.usual.mean, "values"), ("difference", gate.against_usual, "usual")):
        pixels = np.asarray(axes(drawn, f"cbam1.{part}").images[0].get_array())
        look = Look(opacity=1.0, reading=reading)  # type: ignore[arg-type]
        expected = overlay(explanation.input_image, values, cells, look, zoom=pixels.shape[0] // 32)
        assert np.array_equal(pixels, expected)


def test_the_colour_bar_marks_the_range_of_all_masks_that_are_drawn(plain: PrintedFigure) -> None:
    masks = [block.spatial_mask for block in explained().blocks]
    low, high = min(mask.min() for mask in masks), max(mask.max() for mask in masks)
    (line,) = axes(plain.drawn, "scale range").lines
    assert line.get_xdata() == pytest.approx([low, high])
    assert f"{low:.2f} to {high:.2f}" in texts(plain.drawn)
    assert f"Values of masks: {low:.2f} to {high:.2f}" in plain.caption


def test_probabilities_are_as_long_as_they_are_and_named() -> None:
    drawn = figure_of(explained(), truth="dog").drawn
    bars = [bar.get_width() for bar in axes(drawn, "probabilities").patches]
    assert bars == pytest.approx([1, 1, 1, 0.7, 0.2, 0.1])
    assert {"frog", "70.0 %", "cat", "20.0 %", "truth: dog"} <= set(texts(drawn))


@pytest.mark.parametrize(
    ("width", "sizes"),
    [(width, sizes) for width in (84.0, 174.0) for sizes in (FEW[:1], FEW, SIX, SIX * 2)]
    + [(120.0, sizes) for sizes in (FEW, SIX[:3], SIX)],
)
def test_everything_lies_on_the_page_and_nothing_on_anything_else(width: float, sizes: Any) -> None:
    named = tuple((f"{name}-{number}", channels, cells) for number, (name, channels, cells) in enumerate(sizes))
    figure = figure_of(explained(named), Layout(width=width, parts=PARTS), truth="cat")
    assert figure.drawn.get_size_inches() * 25.4 == pytest.approx([width, figure.height])
    assert figure.height < 240 or len(sizes) > 6
    page = figure.drawn.bbox
    boxes = boxes_of_texts(figure)
    boxes += [one.bbox for one in figure.drawn.axes if one.get_gid() != "probabilities"]
    for box in boxes:
        assert box.x0 >= -0.1
        assert box.y0 >= -0.1
        assert box.x1 <= page.x1 + 0.1
        assert box.y1 <= page.y1 + 0.1
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            across = min(one.x1, other.x1) - max(one.x0, other.x0)
            up = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert across < 1.5 or up < 2.5, (one, other)


def test_blocks_that_would_break_beside_the_input_stand_in_one_row_below_it() -> None:
    three = tuple((f"cbam{number}", 32, 8) for number in (1, 2, 3))
    for width in (84.0, 120.0, 174.0):
        drawn = figure_of(explained(three), Layout(width=width)).drawn
        tops = {round(axes(drawn, f"cbam{number}.masks").get_position().y1, 6) for number in (1, 2, 3)}
        assert len(tops) == 1, width
    below, beside = (figure_of(explained(three), Layout(width=width)).drawn for width in (120.0, 174.0))
    assert axes(below, "input").get_position().y0 > axes(below, "cbam1.masks").get_position().y1
    assert axes(beside, "input").get_position().x1 < axes(beside, "cbam1.masks").get_position().x0


def test_all_letters_have_one_size_and_come_from_the_font_of_the_library() -> None:
    figure = figure_of(explained(), Layout(size=8)).drawn
    assert {text.get_fontsize() for text in figure.texts} == {8}
    assert {text.get_fontproperties().get_file().rpartition("/")[2] for text in figure.texts} == {
        "noto-sans-sc-subset.ttf"
    }


def test_parts_and_blocks_are_chosen() -> None:
    drawn = figure_of(explained(), Layout(parts=("masks",), blocks=("cbam2",))).drawn
    assert [one.get_gid() for one in drawn.axes] == ["cbam2.masks", "scale", "scale range"]
    with pytest.raises(RenderError, match=r"unknown block 'cbam9'; this network has cbam1, cbam2"):
        figure_of(explained(), Layout(blocks=("cbam9",)))


def test_a_difference_is_not_drawn_twice() -> None:
    drawn = figure_of(explained(), Layout(parts=("masks", "difference"), reading="usual")).drawn
    assert not [one for one in drawn.axes if one.get_gid() == "cbam1.difference"]


@pytest.mark.parametrize(("odd", "said"), [(np.nan, "gate not finite"), (-9.0, "mean not above 0")])
def test_a_gate_without_a_shape_says_so(odd: float, said: str) -> None:
    for reading, usual in (("relative", False), ("usual", True)):
        block, *others = explained(TWO, usual=usual).blocks
        gates = tuple(replace(gate, values=np.full_like(gate.values, odd)) for gate in block.gates)
        explanation = replace(explained(), blocks=(replace(block, gates=gates), *others))
        layout = Layout(parts=("masks", "usual", "bars"), reading=reading)  # type: ignore[arg-type]
        drawn = texts(figure_of(explanation, layout).drawn)
        assert drawn.count(said) == 2
        assert ("not known what is usual" in drawn) != usual


def test_what_is_missing_is_said() -> None:
    one = TWO[:1]
    unknown = figure_of(explained(one, usual=False), Layout(parts=("usual", "masks")))
    assert "not known what is usual" in texts(unknown.drawn)
    assert unknown.caption.count("`cbam usual` computes it") == 1
    for wanted in (Layout(parts=("masks", "difference")), Layout(parts=("masks",), reading="usual")):
        assert figure_of(explained(one, usual=False), wanted).caption.count("`cbam usual` computes it") == 1
        assert "cbam usual" not in figure_of(explained(one), wanted).caption
    assert "cbam usual" not in figure_of(explained(one, usual=False)).caption
    explanation = replace(explained(), blocks=())
    none = figure_of(explanation)
    assert "this network has no gates to show" in texts(none.drawn)
    assert none.caption == "Gates of net for one image. Predicted as frog (70.0 %)."


def test_gates_for_each_element_are_not_drawn_and_the_figure_says_so() -> None:
    full = Block("bam", (Gate("bam.full", "full", 1, np.ones((4, 8, 8), np.float32)),), None)
    drawn = figure_of(replace(explained(), blocks=(full,))).drawn
    assert "gates for each element are not drawn" in " ".join(texts(drawn))


def test_a_figure_that_exceeds_a_page_says_so() -> None:
    many = tuple((f"stage{number}.cbam", 16, 4) for number in range(24))
    (note,) = figure_of(explained(many), Layout(width=84, parts=("input", "masks", "bars"))).notes
    assert note.code == "figure.tall"
    assert float(note.values["height"]) > 235
    assert figure_of(explained(many[:3]), Layout(width=84)).notes == ()


def test_bars_that_are_too_fine_for_print_are_named(caplog: pytest.LogCaptureFixture) -> None:
    wide = explained((("stem.cbam", 16, 4), ("deep.cbam", 512, 4)))
    (note,) = wide.figure(width=84).notes
    assert note.code == "figure.fine-bars"
    assert note.values["count"] == 512
    assert float(note.values["width"]) == pytest.approx(38 / 512, abs=0.01)
    assert caplog.messages == [str(note)]
    assert all(choice in caplog.text for choice in ("blocks=", "parts=", "width="))
    assert wide.figure(width=84, parts=("input", "masks")).notes == ()
    assert wide.figure(width=84, blocks=("stem.cbam",)).notes == ()


def test_a_mask_is_called_that_of_this_image_beside_others_only(plain: PrintedFigure) -> None:
    alone = texts(plain.drawn)
    assert "this image" not in alone
    assert "spatial mask" in alone
    for part in ("usual", "difference"):
        assert "this image" in texts(figure_of(explained(), Layout(parts=("masks", part))).drawn)


def test_masks_lie_on_the_original() -> None:
    photo = np.random.default_rng(3).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    figure = figure_of(explained(), original=photo)
    box = axes(figure.drawn, "cbam1.masks").bbox
    assert box.width / box.height == pytest.approx(160 / 120)
    assert "grey parts lie outside" in figure.caption
    with pytest.raises(ImageError, match="160×120"):
        figure_of(explained(), original=photo[:100])


def test_a_caption_names_network_scale_usual_set_and_sizes() -> None:
    caption = figure_of(explained(), Layout(parts=(*PARTS,)), truth="cat").caption
    assert caption.startswith("Gates of net for one image. Predicted as frog (70.0 %), true class cat.")
    assert "Colours: viridis, fixed scale 0 to 1." in caption
    assert "Usual: the mean over 1,000 images (photos)." in caption
    assert "cbam1 with 8 channels, 8 × 8 cells; cbam2 with 16 channels, 4 × 4 cells" in caption


def test_words_and_classes_are_translated() -> None:
    words = {**WORDS, "input": "输入", "class frog": "青蛙", "bars": "权重"}
    drawn = figure_of(explained(), words=words)
    assert {"输入", "青蛙", "权重"} <= set(texts(drawn.drawn))
    assert "青蛙" in drawn.caption
    assert drawn.notes == ()


def renamed(explanation: Explanation, name: str) -> Explanation:
    return replace(explanation, classes=("cat", "dog", name))


def test_a_character_that_no_font_has_is_named_in_one_sentence() -> None:
    figure = figure_of(renamed(explained(), "frog \U00013000 é"))
    assert "frog ? é" in texts(figure.drawn)
    (note,) = figure.notes
    assert str(note) == "The font has no \U00013000; a question mark or a plain letter stands for each."
    assert figure.caption.endswith(str(note))


def test_long_class_names_are_shortened_on_the_page_and_whole_in_the_caption() -> None:
    name = "a very long class name " * 8
    figure = figure_of(renamed(explained(), name), Layout(width=84))
    assert any(text.startswith("a very long class") and text.endswith("...") for text in texts(figure.drawn))
    assert name in figure.caption


def test_drawing_uses_no_global_figures() -> None:
    loaded = "matplotlib.pyplot" in sys.modules
    figure_of(explained())
    assert ("matplotlib.pyplot" in sys.modules) == loaded
