"""A training as an animated picture file."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cbam_core.errors import RenderError
from cbam_core.render.film import FORMAT_WORDS, check_film, draw_scenes, film_file
from cbam_core.render.overlay import cells_on_input, overlay
from tests.made_runs import damaged_film, filmed, make_film

FILM = make_film()
SIX = {f"stage{row}.{number}": (16, 8) for row in (1, 2, 3) for number in (0, 1)}


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(FILM, 0, network="tiny")


@pytest.fixture(scope="module")
def files():
    """The film of the same image in each format."""
    return {kind: film_file(FILM, 0, network="tiny", format=kind) for kind in FORMAT_WORDS}


def test_every_scene_is_a_picture_of_one_size_and_differs(scenes):
    assert len(scenes) == 4
    assert len({scene.size for scene in scenes}) == 1
    assert len({scene.tobytes() for scene in scenes}) == 4


def test_overlays_in_it_are_exact(scenes):
    mask = FILM.gate("cbam1", "spatial").values[2, 0]
    drawn = overlay(FILM.images[0], mask, cells_on_input(FILM.placements["cbam1"]), zoom=6)
    assert holds(np.asarray(scenes[2]), drawn)
    assert not holds(np.asarray(scenes[1]), drawn)


def holds(page, part):
    """Whether a picture holds another one, pixel for pixel."""
    height, width = part.shape[:2]
    for top, left in np.argwhere((page[: -height + 1, : -width + 1] == part[0, 0]).all(axis=2)):
        if np.array_equal(page[top : top + height, left : left + width], part):
            return True
    return False


@pytest.mark.parametrize(("kind", "limit"), [("gif", 700_000), ("png", 1_500_000)])
def test_the_file_plays_all_scenes_for_ever_and_is_small(files, kind, limit):
    content = files[kind]
    assert len(content) < limit
    with Image.open(io.BytesIO(content)) as file:
        assert file.n_frames == 4
        assert file.info["loop"] == 0
        stay = []
        for number in range(4):
            file.seek(number)
            file.load()
            stay.append(file.info["duration"])
    assert stay == [1000, 1000, 1000, 3000]


def test_an_animated_png_keeps_every_colour(scenes, files):
    with Image.open(io.BytesIO(files["png"])) as file:
        for number, scene in enumerate(scenes):
            file.seek(number)
            assert np.array_equal(np.asarray(file.convert("RGB")), np.asarray(scene))


def test_many_blocks_stand_in_rows():
    (one,) = draw_scenes(make_film((0,), SIX), 0, network="tiny")
    assert one.width <= 1400
    assert one.height <= 1400


def test_a_network_without_gates_a_single_scene_and_a_block_without_a_place_are_drawn():
    short = make_film((0,))
    draw_scenes(replace(short, gates=()), 0, network="none")
    draw_scenes(replace(short, placements={}), 0, network="lost")
    assert len(draw_scenes(short, 7, network="one")) == 1
    full = (filmed("cbam1", "full", np.full((1, 8, 2, 3, 3), 0.5, np.float32)),)
    draw_scenes(replace(short, gates=full), 0, network="full")


def test_a_further_gate_of_one_kind_in_a_block_changes_no_picture(scenes):
    second = filmed("cbam1", "spatial", 1 - FILM.gate("cbam1", "spatial").values, "cbam1.second")
    again = draw_scenes(replace(FILM, gates=(*FILM.gates, second)), 0, network="tiny")
    assert [scene.tobytes() for scene in again] == [scene.tobytes() for scene in scenes]


def test_an_unknown_format_is_one_sentence_that_lists_those_of_the_table():
    with pytest.raises(RenderError, match="unknown format 'mp4'; choose one of gif, png") as caught:
        film_file(FILM, 0, network="tiny", format="mp4")
    assert caught.value.code == "film.unknown-format"


@pytest.mark.parametrize("image", [-1, 8])
def test_no_such_image(image):
    with pytest.raises(RenderError, match="0 to 7"):
        film_file(FILM, image, network="tiny", format="gif")


@pytest.mark.parametrize(
    "damage",
    [
        {"accuracy": FILM.accuracy[:2]},
        {"labels": FILM.labels + 9},
        {"epochs": FILM.epochs[:0]},
        {"probabilities": FILM.probabilities[:, :, :3]},
        {"gates": (filmed("cbam1", "spatial", FILM.gate("cbam1", "spatial").values[:2]),)},
        {"gates": (filmed("cbam1", "spatial", FILM.gate("cbam1", "spatial").values[:, :, :0]),)},
        {"gates": (filmed("cbam1", "channel", FILM.gate("cbam1", "spatial").values),)},
    ],
)
def test_parts_that_do_not_belong_together_are_damage(damage):
    check_film(FILM)
    with pytest.raises(RenderError, match="damaged"):
        check_film(damaged_film(FILM, **damage))
