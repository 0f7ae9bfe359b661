"""A picture file of one explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from cbam_core.render import figure as module
from cbam_core.render.colours import colourise
from cbam_core.render.figure import MARGIN, WORDS, Original, Prediction, figure
from cbam_core.render.lettering import Lettering, lettering
from cbam_core.render.overlay import Cells, overlay, raw_mask
from cbam_core.render.panels import ACCENT, GAP, Panel, panel_of
from cbam_core.results.look import Look, Reading
from cbam_core.results.placement import Placement
from tests.plain_blocks import block_of

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8)
MASK = np.linspace(0.2, 0.7, 64, dtype=np.float32).reshape(8, 8)
WEIGHTS = np.array([0.0, 0.25, 0.5, 1.0], np.float32)
CELLS = Cells(2.0, 2.0, 4.0, 4.0)
PANEL = Panel("cbam1", MASK, WEIGHTS, CELLS)
BLUE = tuple(int(ACCENT[place : place + 2], 16) for place in (1, 3, 5))


def drawn(panels: Sequence[Panel] = (PANEL,), **changes: object) -> np.ndarray:
    said: dict[str, object] = {
        "network": "net",
        "classes": ("cat", "dog", "frog"),
        "probabilities": np.array([0.2, 0.7, 0.1], np.float32),
    }
    said |= {name: changes.pop(name) for name in said if name in changes}
    arguments: dict[str, object] = {
        "look": Look(**{name: changes.pop(name) for name in asdict(Look()) if name in changes}),  # type: ignore[arg-type]
        **changes,
    }
    image = arguments.pop("input_image", IMAGE)
    return np.asarray(figure(image, panels, Prediction(**said), **arguments))  # type: ignore[arg-type]


def place_of(small: np.ndarray, large: np.ndarray) -> tuple[int, int]:
    """(row, column) of an exact copy of one picture in another."""
    height, width = small.shape[:2]
    for row, column in np.argwhere((large == small[0, 0]).all(axis=2)).tolist():
        if np.array_equal(large[row : row + height, column : column + width], small):
            return row, column
    raise AssertionError("the picture is not there")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line of text that is drawn."""
    lines: list[str] = []
    write = Lettering.write

    def note(self: Lettering, draw: object, at: object, text: str, *rest: object, **options: object) -> None:
        lines.append(text)
        write(self, draw, at, text, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Lettering, "write", note)
    return lines


def test_overlay_and_mask_are_drawn_to_the_last_bit() -> None:
    page = drawn(opacity=0.5)
    over = overlay(IMAGE, MASK, CELLS, zoom=15)
    row, column = place_of(over, page)
    assert column == MARGIN
    assert place_of(raw_mask(MASK, zoom=60), page) == (row, MARGIN + 480 + GAP)


def test_the_networks_input_is_drawn_in_whole_squares() -> None:
    assert place_of(IMAGE.repeat(9, axis=0).repeat(9, axis=1), drawn()) == (MARGIN, MARGIN)


@pytest.mark.parametrize(
    "settings",
    [{"scale": "stretch"}, {"colours": "magma"}, {"opacity": 0.9}, {"smooth": True}],
    ids=lambda settings: next(iter(settings)),
)
def test_every_setting_reaches_the_overlay(settings: dict[str, object]) -> None:
    over = overlay(IMAGE, MASK, CELLS, Look(**settings), zoom=15)  # type: ignore[arg-type]
    place_of(over, drawn(**settings))


@pytest.mark.parametrize(("reading", "neutral"), [("relative", 1.0), ("usual", 0.0)])
def test_a_reading_has_colours_and_an_axis_of_its_own(reading: Reading, neutral: float, written: list[str]) -> None:
    mask = MASK - MASK.mean() + np.float32(neutral)
    page = drawn(
        [Panel("cbam1", mask, np.array([-0.6, 0.1, 0.5], np.float32) + np.float32(neutral), CELLS)], reading=reading
    )
    assert place_of(overlay(IMAGE, mask, CELLS, Look(reading=reading), zoom=15), page)
    low, high = ("×0", "×2") if reading == "relative" else ("-1", "+1")
    assert {low, high} <= set(written)
    least = f"×{mask.min():.3f}" if reading == "relative" else f"{mask.min():.3f}"
    assert any(line.startswith(f"{least} to ") for line in written)
    assert any("fixed scale" in line for line in written)
    assert not any("viridis" in line for line in written)


def test_bars_of_multiples_stand_on_one() -> None:
    page = drawn([Panel("cbam1", None, np.array([0.5, 1.5], np.float32), None)], reading="relative")
    columns = np.flatnonzero(bars(page))
    below, above = (np.flatnonzero((page[-400:, column] == BLUE).all(axis=1)) for column in (columns[0], columns[-1]))
    assert len(below) == len(above) == 35
    assert above.max() + 1 == below.min()


def test_a_gate_without_the_reading_says_so(written: list[str]) -> None:
    drawn(
        [Panel("cbam1", None, None, CELLS, unread=dict.fromkeys(("spatial", "channel"), "no_usual"))], reading="usual"
    )
    assert written.count("not known what is usual") == 2
    assert "`cbam usual` computes it" in " ".join(written)


def test_a_gate_that_is_not_finite_is_no_question_of_what_is_usual(written: list[str]) -> None:
    values = {"channel": np.array([0.5, np.nan], np.float32), "spatial": -np.ones((4, 4), np.float32)}
    for reading in ("relative", "usual"):
        drawn([panel_of(block_of("b", values, None), None, reading)], reading=reading)
        assert {"gate not finite", "mean not above 0"} <= set(written)
        assert "usual`" not in " ".join(written)
        written.clear()


def test_a_stretched_mask_uses_its_whole_colour_table() -> None:
    place_of(raw_mask(MASK, Look(scale="stretch"), zoom=60), drawn(scale="stretch"))


def test_masks_lie_on_the_original_and_the_rest_is_grey() -> None:
    photo = RNG.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    cells, seen = Cells(27.5, 7.5, 15.0, 15.0), (20.0, 0.0, 140.0, 120.0)
    page = drawn([Panel("cbam1", MASK, WEIGHTS, cells)], original=Original(photo, seen))
    place_of(overlay(photo, MASK, cells, zoom=3, seen=seen), page)


def test_a_large_original_is_reduced_with_its_cells() -> None:
    photo = np.full((1200, 1600, 3), 255, np.uint8)
    mask = np.zeros((4, 4), np.float32)
    mask[1, 2] = 1  # pixels 800..1100 across and 300..600 down, with the seen square at 200..1400
    cells, seen = Cells(350.0, 150.0, 300.0, 300.0), (200.0, 0.0, 1400.0, 1200.0)
    page = drawn([Panel("b", mask, None, cells)], original=Original(photo, seen), opacity=1.0)
    yellow = np.argwhere((page == colourise(np.ones(1, np.float32))[0]).all(axis=2))
    overlay_only = yellow[yellow[:, 1] < MARGIN + 549]
    (top, left), (bottom, right) = overlay_only.min(axis=0), overlay_only.max(axis=0)
    factor = 549 / 1600
    assert left - MARGIN == pytest.approx(800 * factor, abs=1)
    assert right - left == pytest.approx(300 * factor, abs=2)
    assert bottom - top == pytest.approx(300 * factor, abs=2)
    unseen = (page[top, MARGIN : MARGIN + 549] == 192).all(axis=1)
    assert unseen.sum() == pytest.approx(400 * factor, abs=2)
    assert unseen[0]
    assert unseen[-1]


def bars(page: np.ndarray) -> np.ndarray:
    """Heights of the blue columns at the foot of the page, pixels, by column."""
    return (page[-400:] == BLUE).all(axis=2).sum(axis=0)


def test_bars_are_as_high_as_the_weights() -> None:
    heights = bars(drawn())
    column = (2 * 480 + GAP) // 4
    middles = [MARGIN + column // 2 + channel * column for channel in range(4)]
    assert heights[middles].tolist() == [0, 35, 70, 140]


def test_more_channels_than_pixels_are_averaged_down() -> None:
    many = np.tile(np.array([1.0, 0.0], np.float32), 2048)
    page = drawn([Panel("b", MASK, many, CELLS)])
    inside = page[-400:, MARGIN + 4 : MARGIN + 970]
    shade = inside[(inside != 255).any(axis=2) & (inside[..., 2] > inside[..., 0] + 40)]
    half = (np.array(BLUE) + 255) / 2
    assert np.abs(shade.astype(float).mean(axis=0) - half).max() < 12


def test_weights_beyond_one_raise_the_axis(written: list[str]) -> None:
    drawn([Panel("bam", None, np.array([0.5, 2.0], np.float32), None)])
    assert "2" in written
    assert "0.500 to 2.000" in written


def test_numbers_are_those_of_the_arrays(written: list[str]) -> None:
    drawn()
    assert [line for line in written if "%" in line][:3] == ["70.0 %", "20.0 %", "10.0 %"]
    assert "0.200 to 0.700" in written
    assert "4 channels · 8×8 cells" in written
    assert written[:2] == ["network's input, 32×32", "dog"]


def test_a_flat_mask_is_flagged_whatever_the_scale(written: list[str]) -> None:
    flat = Panel("cbam2", np.linspace(0.49, 0.51, 16, dtype=np.float32).reshape(4, 4), None, CELLS)
    drawn([PANEL])
    assert "flat" not in written
    for scale in ("unit", "stretch"):
        written.clear()
        drawn([flat], scale=scale)
        assert "flat" in written
        assert any("0.490" in line for line in written)


def test_a_mask_that_lets_everything_pass_is_said_to_be_switched_through(written: list[str]) -> None:
    drawn([Panel("cbam2", np.linspace(0.96, 0.99, 16, dtype=np.float32).reshape(4, 4), None, CELLS)])
    assert "switched through" in written
    assert "flat" not in written


def test_multiples_of_the_mean_can_be_flat_but_not_switched_through(written: list[str]) -> None:
    mask = np.linspace(0.98, 1.02, 16, dtype=np.float32).reshape(4, 4)
    drawn([Panel("cbam2", mask, None, CELLS)], reading="relative")
    assert "flat" in written
    assert "switched through" not in written


def test_the_range_is_marked_under_the_colour_bar() -> None:
    page = drawn()
    dark = (page == 0x1A).all(axis=2)
    line = dark[dark.sum(axis=1).argmax()]
    first, last = np.flatnonzero(line)[[0, -1]]
    width = 2 * 480 + GAP
    assert first - MARGIN == pytest.approx(0.2 * (width - 1), abs=3)
    assert last - MARGIN == pytest.approx(0.7 * (width - 1), abs=3)


def test_caption_names_network_and_scale(written: list[str]) -> None:
    drawn(scale="stretch", colours="magma", original=Original(IMAGE, (0.0, 0.0, 32.0, 16.0)))
    caption = " ".join(written)
    for part in ("Network: net.", "magma, stretched", "50 % opacity", "Grey parts"):
        assert part in caption


def test_caption_says_how_far_cells_may_lie_from_where_they_are_drawn(written: list[str]) -> None:
    grid = Placement((1.5, 1.5), (4.0, 4.0))
    drawn([replace(PANEL, placement=grid)])
    assert "Blocks whose place" not in " ".join(written)
    near, lost = replace(grid, status="approximate", bound=1.5), Placement.stretched((8, 8), (32, 32))
    drawn([replace(PANEL, placement=near), replace(PANEL, placement=lost)])
    caption = " ".join(written)
    assert "approximate: 1; their cells lie up to 1.5 pixels" in caption
    assert "unknown: 1; their masks are stretched" in caption


def test_blocks_say_what_they_lack(written: list[str]) -> None:
    drawn(
        [
            Panel("se", None, WEIGHTS, None),
            Panel("nowhere", MASK, None, None),
            Panel("bam", None, None, None, undrawn=(64, 8, 8)),
        ]
    )
    text = " ".join(written)
    for part in (
        "no spatial mask",
        "no channel weights",
        "position on the image unknown",
        "full gate 64×8×8",
    ):
        assert part in text


def test_every_letter_of_its_words_is_drawn_as_itself() -> None:
    text = lettering(WORDS.values())
    assert all(text._drawable(word) == word for word in WORDS.values())
    assert {"×", "−"} <= set("".join(WORDS.values()))


def test_a_network_of_channel_weights_only_leaves_no_room_for_masks(written: list[str]) -> None:
    page = drawn([Panel("se", None, WEIGHTS, None)])
    assert len(page) < len(drawn()) - 400
    assert "spatial mask" not in " ".join(written[: written.index("Network: net.") + 1])


def test_a_network_without_gates_still_shows_its_prediction(written: list[str]) -> None:
    drawn([])
    assert "dog" in written
    assert "Network: net. This network has no gates to show." in written


@pytest.mark.parametrize(("blocks", "columns"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 3), (16, 4), (17, 4)])
def test_blocks_wrap_into_rows(blocks: int, columns: int) -> None:
    page = drawn([PANEL] * blocks)
    zoom = round(module.PICTURE[columns] / 32)
    over = overlay(IMAGE, MASK, CELLS, zoom=zoom)
    corners = np.argwhere((page == over[0, 0]).all(axis=2)).tolist()
    height, width = over.shape[:2]
    found = [(y, x) for y, x in corners if np.array_equal(page[y : y + height, x : x + width], over)]
    assert len(found) == blocks
    assert len({x for _, x in found}) == columns
    assert len({y for y, _ in found}) == -(-blocks // columns)


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_any_number_of_classes_with_long_names(count: int, written: list[str]) -> None:
    names = tuple(f"class {number} " + "with a very long name " * 20 for number in range(count))
    page = drawn(classes=names, probabilities=np.full(count, 1 / count, np.float32))
    assert len([line for line in written if line.startswith("class")]) == min(count, 5) + 1
    assert (page[:, -MARGIN:] == 255).all(), "something runs into the margin"


@pytest.mark.parametrize("shape", [(10, 400), (400, 10), (1, 1), (44, 40), (700, 500)])
def test_pictures_of_any_shape_stay_inside_the_page(shape: tuple[int, int]) -> None:
    odd = RNG.integers(0, 256, (*shape, 3), dtype=np.uint8)
    page = drawn([PANEL] * 3, input_image=odd)
    assert (page[:, -MARGIN:] == 255).all()
    assert (page[-MARGIN:] == 255).all()


def test_a_mask_finer_than_the_figure_keeps_true_colours() -> None:
    fine = RNG.random((900, 900), dtype=np.float32)
    page = drawn([Panel("b", fine, None, None)])
    alone = page[MARGIN + 500 :, MARGIN + 480 + GAP : MARGIN + 960]
    table = {tuple(colour) for colour in colourise(np.linspace(0, 1, 256)).tolist()}
    rows = alone[50:200].reshape(-1, 3).tolist()
    assert {tuple(pixel) for pixel in rows} <= table


def test_words_can_be_translated(written: list[str]) -> None:
    drawn(words={**WORDS, "flat": "平", "weights": "通道权重"})
    assert "通道权重" in written


def test_a_figure_is_the_same_twice() -> None:
    assert np.array_equal(drawn(), drawn())


def test_figure_is_rgb() -> None:
    picture = figure(IMAGE, [PANEL], Prediction("n", ("a",), np.ones(1, np.float32)))
    assert isinstance(picture, Image.Image)
    assert picture.mode == "RGB"


def test_numbers_that_are_not_finite_are_shown_as_such(written: list[str]) -> None:
    odd = Panel("b", None, np.array([np.nan, np.inf, 0.5], np.float32), None)
    drawn([odd], probabilities=np.array([np.nan, 0.5, 0.5], np.float32))
    assert "0.500 to inf" in written
    assert "nan %" in written
