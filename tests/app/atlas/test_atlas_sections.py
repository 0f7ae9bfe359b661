"""Neighbours, map, comparison and suspects without a browser: what they show, and what an address restores."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

from app import services
from app.atlas.changed_gates import gate_table
from app.atlas.map_data import places_in
from cbam_core import load_classifier
from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.regions import inside_of, line_as_text
from cbam_core.data.dataset import samples
from tests.app.atlas.test_atlas_page import address, htmls, said, show, visit
from tests.atlas import made_atlas

RIGHT_HALF = (2048, 0, 4095, 0, 4095, 4095, 2048, 4095)


@pytest.fixture
def made(monkeypatch):
    return show(monkeypatch, made_atlas.atlas())


def tiles(app, key):
    """What a list of images is given; its widget's key is `key`."""
    (found,) = [one for one in app.get("bidi_component") if key in one.proto.id]
    return found.proto.json


def test_neighbours_of_the_image_of_an_address_in_a_block(made):
    app = visit(section="neighbours", number="17", block="one")
    found = made.neighbours(17, "one", 14)
    assert app.number_input[0].value == 17
    given = tiles(app, "atlas-neighbours")
    assert all(f'"link": "{image}"' in given for image in found.images)
    same = round(found.same_class * 14)
    assert f"{same} of its 14 nearest have its label" in said(app)
    assert '<p class="cbam-under">one.spatial</p>' in htmls(app)
    assert (address(app, "number"), address(app, "block")) == ("17", "one")


def test_the_mask_below_the_neighbours_is_chosen_and_the_page_says_which_one_it_begins_with(made):
    app = visit(section="neighbours", number="17")
    (field,) = [one for one in app.selectbox if one.label == "Mask"]
    assert field.options == ["one.spatial", "two.full"]
    first = field.value
    assert "this one varies most from image to image" in said(app)
    assert "mask" not in app.query_params
    (other,) = {*field.options} - {first}
    field.select(other).run()
    assert f'<p class="cbam-under">{other}</p>' in htmls(app)
    assert "this one varies most from image to image" not in said(app)
    assert address(app, "mask") == other
    assert f"mask={other}" in tiles(app, "atlas-neighbours")
    again = visit(section="neighbours", number="17", mask=other)
    assert f'<p class="cbam-under">{other}</p>' in htmls(again)


def test_an_image_that_was_not_read_has_no_neighbours(made):
    assert "could not be read" in said(visit(section="neighbours", number="7"))


def test_a_line_of_an_address_is_a_slice_of_every_section_and_combines_with_conditions(made):
    line = f"pca.{line_as_text(RIGHT_HALF)}"
    inside = np.flatnonzero(inside_of(RIGHT_HALF, places_in(made, "pca").places))
    assert 0 < len(inside) < 59
    app = visit(section="suspects", line=line)
    assert f"{len(inside)} of 59 images, inside a line on the map" in said(app)
    assert address(app, "line") == line
    app = visit(section="map", line=line, answers="wrong", layout="tsne", coloured="right", view="0.4~0.6~2.5")
    both = np.intersect1d(inside, made.select({"right": False}))
    assert f"{len(both)} of 59 images" in said(app)
    assert (address(app, "line"), address(app, "answers")) == (line, "wrong")
    assert (address(app, "coloured"), address(app, "view")) == ("right", "0.4~0.6~2.5")
    app.button(key="atlas-clear").click().run()
    assert "line" not in app.query_params
    assert "All 59 images" in said(app)


def test_the_map_says_what_it_keeps_of_the_neighbours_and_what_the_selected_image_is(made):
    app = visit(section="map", number="5")
    kept = made.map("pca").kept
    written = f"{100 * kept:.0f}\xa0%" if kept >= 0.1 else f"{100 * kept:.1f}\xa0%"
    assert f"PCA keeps {written} of the 10 nearest images" in said(app).replace("\\", "")
    given = json.loads(tiles(app, "atlas-map"))
    assert given["selected"] == 5
    assert given["near"] == made.neighbours(5).images.tolist()
    assert address(app, "number") == "5"


def test_without_labels_the_map_has_the_colours_of_answers(monkeypatch):
    unknown = made_atlas.atlas(labels=np.full(60, -1, np.int32), label_classes=())
    show(monkeypatch, unknown)
    app = visit(section="map")
    given = json.loads(tiles(app, "atlas-map"))
    assert [*given["colour_kinds"]] == ["answer", "confidence"]
    assert given["colours"] == "answer"
    assert "coloured" not in app.query_params
    asked = json.loads(tiles(visit(section="map", coloured="confidence"), "atlas-map"))
    assert asked["colours"] == "confidence"


def test_of_few_images_nothing_is_said_of_ten_nearest(monkeypatch):
    show(monkeypatch, made_atlas.atlas(8))
    words = said(visit(section="map"))
    assert "The two axes of PCA hold" in words
    assert "10 nearest" not in words


def test_suspects_are_those_of_the_slice_with_both_numbers(made):
    app = visit(section="suspects")
    found = made.suspects(1000)
    assert f"of {len(found.doubtful.images)} in this slice" in said(app)
    first = int(found.doubtful.images[0])
    given = tiles(app, "atlas-doubtful")
    assert f"made:test/{first}:" in given
    assert f"{100 * found.doubtful.probability[0]:.0f}\\u00a0% : " in given
    assert f"median of all is {found.outliers.usual:.2f}" in said(app)
    assert "no list of wrong labels" in said(app)


@pytest.fixture
def other(monkeypatch, made):
    """A second atlas of the same images, of other gates and answers."""
    second = made_atlas.atlas(seed=1, labels=made.labels)
    entries = {"second": services.AtlasEntry("second", Path("second"), "made:test", 60, "blur:3", "Made")}
    monkeypatch.setattr(services, "comparable_atlases", lambda _: entries)
    monkeypatch.setattr(services, "atlas_at", lambda entry: second if entry.name == "second" else made)
    return second


def test_an_atlas_that_says_the_same_again_is_compared_last(monkeypatch, made):
    monkeypatch.setitem(made.facts, "network", {"digest": "d"})
    monkeypatch.setitem(made.facts, "images", {"listing": "l"})
    entries = [
        services.AtlasEntry(name, Path(name), made.title, 60, changed, "Made", digest, "l")
        for name, changed, digest in (("copy", "", "d"), ("other", "", "e"), ("blurred", "blur:3", "d"))
    ]
    monkeypatch.setattr("app.services.atlas._folders", lambda: [entry.folder for entry in entries])
    monkeypatch.setattr("app.services.atlas._entry", {entry.folder: entry for entry in entries}.get)
    assert [*services.comparable_atlases(made)] == ["blurred", "other", "copy"]


def test_two_atlases_are_compared_by_answers_gates_and_channels(made, other):
    app = visit(section="compare", gate="one.channel")
    found = made.compare(other, n=14)
    right, wrong = int(found.newly_right.sum()), int(found.newly_wrong.sum())
    assert f"Of {len(found.images)} answers, {right} became right, {wrong} became wrong, and " in said(app)
    change = next(one for one in found.gates if one.gate == "one.channel")
    channel = int(np.argmax(change.absolute))
    listed = htmls(app)
    assert listed.count('<th scope="row">') == len(found.gates) + 4
    assert f"{change.mean_before[channel]:.3f}\u00a0→ {change.mean_after[channel]:.3f}" in listed
    app.segmented_control(key="atlas-changed-images").select("moved").run()
    assert f"made:test/{int(found.most_moved[0])}:" in tiles(app, "atlas-changed-tiles")
    assert address(app, "images") == "moved"


def test_of_images_without_labels_those_whose_answers_changed_are_shown(made, other):
    unknown = np.full(60, -1, np.int32)
    for one in (made, other):
        object.__setattr__(one.contents, "labels", unknown)
    found = made.compare(other, n=14)
    app = visit(section="compare")
    assert app.segmented_control(key="atlas-changed-images").value == "changed"
    changed = found.images[found.answered_other]
    assert f"Of {len(found.images)} answers, {len(changed)} changed" in said(app)
    given = tiles(app, "atlas-changed-tiles")
    shown = {int(number) for number in re.findall(r"made:test/(\d+):", given)}
    assert shown
    assert shown <= {*changed.tolist()}
    assert address(app, "section") == "compare"
    assert "images" not in app.query_params


def test_where_only_one_network_answers_its_answer_stands_alone(made, other):
    for name, nothing in (("answers", np.full(60, -1, np.int32)), ("classes", ())):
        object.__setattr__(other.contents, name, nothing)
    app = visit(section="compare")
    assert "Answers cannot be compared" in said(app)
    given = json.loads(tiles(app, "atlas-changed-tiles"))
    assert {tile["lines"][1] for tile in given["tiles"]} <= {*made.classes}


def test_a_difference_that_rounds_to_zero_has_no_sign(made):
    same = made.compare(made)
    assert all(f"<td>{sign}0.000</td>" not in gate_table(same.gates) for sign in ("+", "−"))
    assert "<td>0.000</td>" in gate_table(same.gates)


def test_altered_copies_that_are_there_are_not_offered_again_but_those_of_fewer_images_do_not_count(monkeypatch, made):
    classifier = load_classifier("cbam_cnn_cifar10")
    monkeypatch.setitem(made.facts, "images", {"listing": "all"})
    fewer, all_ = (
        services.AtlasEntry("blurred", Path("b"), made.title, 60, "blur:3", "Made", classifier.digest, listing)
        for listing in ("fewer", "all")
    )
    for entry, is_there in ((fewer, False), (all_, True)):
        known = {"blurred": entry}
        monkeypatch.setattr("app.services.atlas_changing.comparable_atlases", lambda _, known=known: known)
        assert services.has_changed(classifier, made, "blur:3") is is_there
        assert not services.has_changed(classifier, made, "blur:4")
        app = visit(section="compare")
        assert ("This atlas is there" in said(app)) is is_there
        assert any("--corrupt blur:3" in one.value for one in app.code) is not is_there


def test_masks_of_two_atlases_stand_beside_each_other_with_their_difference(made, other):
    listed = htmls(visit(section="compare", gate="one.spatial"))
    assert all(name in listed for name in ("Mean in this atlas", "The other minus this", "Mean absolute difference"))


def test_without_another_atlas_the_command_for_changed_images_is_shown(made):
    app = visit(section="compare")
    assert "no other atlas of these images" in said(app)
    assert any("--corrupt blur:3" in one.value for one in app.code)


def test_a_set_without_labels_and_answers_has_neighbours_and_outliers_alone(monkeypatch):
    nothing = {"classes": (), "label_classes": (), "logits": np.zeros((60, 0), np.float32), "metadata": {}}
    unknown = {name: np.full(60, -1, np.int32) for name in ("labels", "answers")}
    bare = made_atlas.atlas(**nothing, **unknown, confidence=np.full(60, np.nan, np.float32), thumbnails=None)
    show(monkeypatch, bare)
    app = visit(section="suspects")
    assert "no labels, or no answers" in said(app)
    assert f"median of all is {bare.suspects(1).outliers.usual:.2f}" in said(app)
    for section in ("neighbours", "map"):
        assert not visit(section=section).exception


def test_an_atlas_of_blurred_images_is_built_here_and_then_compared(monkeypatch, tmp_path):
    monkeypatch.setenv("CBAM_ATLASES", str(tmp_path / "atlases"))
    monkeypatch.setattr("app.services.atlas_building.own_atlas_folder", lambda: tmp_path / "atlases")
    monkeypatch.setattr("app.services.atlas.own_atlas_folder", lambda: tmp_path / "atlases")
    network = load_classifier("cbam_cnn_cifar10")
    build_atlas(network, samples(), tmp_path / "atlases" / "clean")
    app = visit(section="compare", network="cbam_cnn_cifar10", atlas="clean")
    app.segmented_control(key="atlas-corruption").select("brightness").run()
    app.button(key="atlas-change-begin").click().run()
    until = time.monotonic() + 60
    while app.session_state["changing-atlas"] and time.monotonic() < until:
        time.sleep(0.1)
        app.run()
    assert not app.exception
    assert "100 images are in both" in said(app)
    assert re.search('"link": "(sample|test)-', tiles(app, "atlas-changed-tiles"))
    assert "brighter, level 3" in app.selectbox(key="atlas-other").options[0]
    assert app.selectbox(key="atlas-other").value.endswith("-brightness-3")


def test_a_command_writes_slices_that_are_too_large_for_a_page(made, monkeypatch):
    monkeypatch.setattr("app.atlas.export.MOST", 10)
    app = visit(section="suspects", answers="wrong", confidence="20~100", where="camera=old", **{"class": "cat"})
    app.checkbox(key="atlas-export-gates").check().run()
    asked = "cbam atlas export ATLAS --where class=cat --where right=no --where confidence=0.2..1 --where camera=old"
    assert any(one.value == f"{asked} --out slice.parquet" for one in app.code)
    line = f"pca.{line_as_text(RIGHT_HALF)}"
    app = visit(section="suspects", answers="wrong", line=line)
    app.checkbox(key="atlas-export-gates").check().run()
    asked = f"cbam atlas export ATLAS --where right=no --where inside={line} --out slice.parquet"
    assert any(one.value == asked for one in app.code)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("channels", "The only image"),
        ("channels", "One image tells no groups apart"),
        ("masks", "Every gate of one image"),
        ("neighbours", "no other image that could be near"),
        ("map", "A map needs at least three images"),
        ("compare", "no other atlas of these images"),
        ("suspects", "no other image to be far from"),
    ],
)
def test_of_one_image_each_section_says_what_it_cannot_show(monkeypatch, section, sentence):
    show(monkeypatch, made_atlas.atlas(1))
    app = visit(section=section)
    assert sentence in said(app)
    assert "nan" not in said(app) + htmls(app)
    assert "e+" not in said(app)
