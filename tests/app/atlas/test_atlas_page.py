"""Atlas without a browser: what each section shows of an atlas, and what an address of it restores."""

import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import services
from cbam_core.atlas.atlas import Atlas
from cbam_core.errors import AtlasError
from tests.app.visiting import MAIN, go_to
from tests.atlas import made_atlas


@pytest.fixture
def made(monkeypatch):
    """An atlas of the network that is selected: 60 images of three classes."""
    return show(monkeypatch, made_atlas.atlas())


def show(monkeypatch, atlas: Atlas):
    entry = services.AtlasEntry("made", Path("made"), atlas.title, len(atlas), "")
    monkeypatch.setattr(services, "atlases_of", lambda _: {"made": entry})
    monkeypatch.setattr(services, "atlas_at", lambda _: atlas)
    return atlas


def visit(**query):
    test = AppTest.from_file(str(MAIN), default_timeout=60)
    test.query_params.update(query)
    app = go_to(test, "atlas").run()
    assert not app.exception
    return app


def htmls(app):
    return " ".join(element.proto.body for element in app.get("html"))


def address(app, name):
    found = app.query_params[name]
    return found if isinstance(found, str) else found[0]


def said(app):
    return " ".join(one.value for one in [*app.caption, *app.info, *app.markdown, *app.text])


def test_without_an_atlas_the_page_says_what_one_is(monkeypatch):
    monkeypatch.setattr(services, "atlases_of", lambda _: {})
    app = visit()
    assert "no atlas of this network yet" in said(app)
    assert [*app.query_params] == ["network"]


def test_the_most_selective_channel_is_shown_with_all_groups_and_their_intervals(made):
    found = made.profile("one.channel", "class")
    value = int(found.order[0])
    app = visit(gate="one.channel", entry=str(value), groups="class")
    assert "cannot be shown" not in said(app)  # an address may name what is usual
    assert "one.channel" in said(app)
    listed = htmls(app)
    for group, name in enumerate(found.groups):
        assert f"{name}: {found.mean[group, value]:.3f}" in listed
        assert f"({found.low[group, value]:.3f} to {found.high[group, value]:.3f})" in listed
    assert "All 59 images" in said(app)


def test_images_that_share_the_last_value_with_others_are_not_called_the_highest_of_them(monkeypatch):
    values = made_atlas.contents().values.copy()
    values[:, 2] = np.where(np.arange(60) < 40, 1, values[:, 2])
    show(monkeypatch, made_atlas.atlas(values=values, ok=np.ones(60, bool)))
    captions = said(visit(gate="one.channel", entry="2"))
    assert captions.count("40 images have the value 1.000; these are the first of them in the set") == 1


def test_an_address_names_slice_gate_cell_and_groups(made):
    app = visit(gate="one.spatial", entry="2.3", groups="right", answers="wrong", **{"class": "cat"})
    assert app.selectbox(key="atlas-gate").value == "one.spatial"
    images = made.select({"class": "cat", "right": False})
    assert f"{len(images)} of 59 images" in said(app)
    assert address(app, "entry") == "2.3"
    assert address(app, "groups") == "right"
    app.button(key="atlas-clear").click().run()
    assert "All 59 images" in said(app)
    assert "class" not in app.query_params
    assert address(app, "gate") == "one.spatial"


def test_columns_of_ones_own_choose_images_and_make_groups(made):
    app = visit(where="camera=old&hour=3&hour=4", groups="camera")
    images = made.select({"camera": ["old"], "hour": [3, 4]})
    assert 0 < len(images) < 20
    assert f"{len(images)} of 59 images" in said(app)
    assert address(app, "where") == "camera=old&hour=3&hour=4"


def test_images_without_a_value_in_a_column_are_chosen_and_grouped_as_such(monkeypatch):
    camera = np.array(["", "new", "old"])[np.arange(60) % 3]
    hour = np.where(np.arange(60) % 3 == 1, np.nan, 6.0)
    made = show(monkeypatch, made_atlas.atlas(metadata={"camera": camera, "hour": hour}))
    app = visit(where="camera=&hour=6.0", groups="hour")
    images = made.select({"camera": "", "hour": 6})
    assert "cannot be shown" not in said(app)
    assert f"{len(images)} of 59 images" in said(app)
    assert address(app, "where") == "camera=&hour=6.0"
    named = {one.label: one.options for one in app.multiselect}
    assert (named["camera"], named["hour"]) == (["no value", "new", "old"], ["6", "no value"])
    listed = htmls(visit(gate="one.channel", groups="hour"))
    assert "no value: " in listed
    assert "6: " in listed


def test_all_values_of_a_column_can_be_chosen_by_a_link(monkeypatch):
    made = show(monkeypatch, made_atlas.atlas(200, metadata={"scene": np.array([f"scene {n:03}" for n in range(200)])}))
    given = "&".join(f"scene=scene+{number:03}" for number in range(1, 200))
    app = visit(where=given)
    assert "cannot be shown" not in said(app)
    assert f"{len(made.select({'scene': [f'scene {n:03}' for n in range(1, 200)]}))} of " in said(app)
    assert address(app, "where") == given


def test_a_column_with_too_many_texts_to_list_is_named(monkeypatch):
    place = np.array([f"place_{n:03}" for n in range(300)])
    show(monkeypatch, made_atlas.atlas(300, metadata={"camera": np.array(["new", "old"] * 150), "place_name": place}))
    app = visit()
    assert [one.label for one in app.multiselect] == ["camera"]
    assert "More than 200 different texts, too many to list: place\\_name" in said(app)


def test_a_slice_without_images_says_so_and_keeps_the_way_back(made):
    app = visit(confidence="0~1")
    assert "No image of this atlas meets all of these conditions" in said(app)
    app.button(key="atlas-clear").click().run()
    assert "All 59 images" in said(app)


def test_an_address_of_a_slice_without_images_keeps_what_it_says_of_the_section(made):
    app = visit(confidence="0~1", section="masks", mask="one.spatial", show="deviation")
    assert "cannot be shown" not in said(app)
    assert (address(app, "mask"), address(app, "show")) == ("one.spatial", "deviation")
    app.button(key="atlas-clear").click().run()
    assert app.selectbox(key="atlas-mask").value == "one.spatial"
    assert app.segmented_control(key="atlas-show").value == "deviation"


def test_masks_are_drawn_for_the_slice_and_each_group_with_the_number_of_images(made):
    app = visit(section="masks", mask="one.spatial")
    listed = htmls(app)
    assert listed.count("<figure>") == 1 + 3
    counts = made.profile("one.spatial", "class").counts
    assert all(f"{count} images" in listed for count in (59, *counts.tolist()))
    app.segmented_control(key="atlas-show").select("difference").run()
    assert address(app, "show") == "difference"
    assert "minus that of all 59 images" in said(app)


@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        ("one.channel", "in the order of their standard deviation"),
        ("one.spatial", "brighter cells vary more over them"),
    ],
)
def test_of_a_slice_that_is_one_group_the_page_says_what_the_order_or_the_brightness_is(made, gate, sentence):
    words = said(visit(gate=gate, groups="class", **{"class": "cat"}))
    assert "All of these images are in one group, cat" in words
    assert sentence in words
    assert "Selective" not in words


def test_a_slice_that_is_one_group_is_drawn_once_under_its_name(made):
    listed = htmls(visit(section="masks", groups="class", **{"class": "cat"}))
    assert listed.count("<figcaption>") == 1
    assert "All of these" not in listed


def test_an_atlas_of_a_network_without_classes_orders_channels_by_their_deviation(monkeypatch):
    nothing = {"classes": (), "label_classes": (), "logits": np.zeros((60, 0), np.float32), "metadata": {}}
    unknown = {name: np.full(60, -1, np.int32) for name in ("labels", "answers")}
    made = show(monkeypatch, made_atlas.atlas(**nothing, **unknown, confidence=np.full(60, np.nan, np.float32)))
    app = visit(gate="one.channel")
    assert "in the order of their standard deviation" in said(app)
    column = made.values("one.channel")[made.ok].astype(float)
    assert f"mean {column[:, column.std(axis=0).argmax()].mean():.3f}" in said(app)
    assert {box.label for box in app.selectbox} == {"Atlas", "Gate", "Network"}
    assert not app.slider
    app = visit(section="masks")
    assert htmls(app).count("<figure>") == 1


def test_what_an_address_asks_for_and_is_not_there_is_left_out(made):
    app = visit(gate="none.channel", entry="99", groups="nothing", section="nothing", **{"class": "giraffe"})
    assert "All 59 images" in said(app)
    assert "cannot be shown" in said(app)
    assert app.selectbox(key="atlas-by").value == "class"


def test_the_answers_without_a_channel_are_computed_for_the_images_that_have_most_of_it(monkeypatch):
    """Images of the bundled sheet, which are on every server: the network runs again with one channel at its mean."""
    monkeypatch.setattr("app.services.one_value.seconds_an_image", lambda _: 0.01)  # however busy this machine is
    classifier = services.network("cbam_cnn_cifar10")
    names = [f"cifar10:test/{number}" for number in services.sample_numbers().tolist()]
    answers = np.arange(100, dtype=np.int32) % 10
    known = {"ids": names, "classes": classifier.classes, "answers": answers, "labels": answers}
    columns = made_atlas.gates({"cbam3.channel": ("channel", (128,)), "cbam3.spatial": ("spatial", (4, 4))})
    logits = np.zeros((100, 10), np.float32)
    tied = np.full((100, 144), 0.5, np.float16)
    tied[:50, 7] = 0.75
    show(monkeypatch, made_atlas.atlas(100, gates=columns, logits=logits, values=tied, **known))
    assert "Of 14 of the 50 images in which it is highest" in said(visit(entry="7"))
    tied[3, 7] = 1
    assert "Of the 14 images in which it is highest" in said(visit(entry="7"))  # one of them is above all others
    show(monkeypatch, made_atlas.atlas(100, gates=columns, logits=logits, **known))
    app = visit()
    assert "Of the 14 images in which it is highest" in said(app)
    assert "Without it" in said(app)
    app.button(key="atlas-to-whatif").click().run()
    assert not app.exception
    assert app.title[0].value == "What if"
    assert "cbam3.channel:as_is~" in address(app, "edits")
    assert address(app, "image").startswith("sample-")


def finished(app, name):
    """The page once the work in the background that is kept under a name is over."""
    until = time.monotonic() + 60
    while any(not work.is_over for _, work in app.session_state[name].values()):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert all(work.error is None for _, work in app.session_state[name].values())
    return app.run()


def test_an_atlas_of_the_test_set_is_built_in_the_background_and_shown(test_set, monkeypatch, tmp_path):
    monkeypatch.setenv("CBAM_ATLASES", str(tmp_path / "none"))
    app = visit()
    assert any("cbam atlas build" in code.value for code in app.code)
    assert "for 250 images" in said(app)
    app.button(key="atlas-build-begin").click().run()
    app = finished(app, "building-atlas")
    assert not app.exception
    assert "All 250 images" in said(app)
    name = app.selectbox(key="atlas-name").value
    assert name.startswith("cbam_cnn_cifar10-cifar10-test-")
    assert not [button for button in app.button if button.key == "atlas-build-begin"]
    atlas = services.atlas_at(
        services.atlases_of(services.network("cbam_cnn_cifar10"))[app.selectbox(key="atlas-name").value]
    )
    assert services.image_in_pages(atlas, 17) == "test-17"


def test_images_of_the_bundled_atlas_are_samples_or_where_there_are_all_of_them_test_images(test_set, monkeypatch):
    classifier = services.network("cbam_cnn_cifar10")
    (entry,) = [one for one in services.atlases_of(classifier).values() if one.title == "cifar10:samples"]
    atlas = services.atlas_at(entry)
    number = int(services.sample_numbers()[31])
    assert services.image_in_pages(atlas, 31) == f"test-{number}"
    monkeypatch.setattr("app.services.atlas.test_set", lambda: None)
    assert services.image_in_pages(atlas, 31) == "sample-31"


def test_of_a_visitors_own_network_the_command_names_its_file_and_nothing_is_built_here(test_set, monkeypatch):
    monkeypatch.setattr(services, "atlases_of", lambda _: {})
    monkeypatch.setattr("app.session.own_networks.is_own", lambda _: True)
    app = visit()
    assert "cbam atlas build FILE" in [code.value for code in app.code]
    assert not [button for button in app.button if button.key == "atlas-build-begin"]


def test_a_column_of_many_numbers_chooses_images_by_a_range(monkeypatch):
    light = np.linspace(-1, 1, 400)
    made = show(monkeypatch, made_atlas.atlas(400, metadata={"light": light}))
    app = visit(where="light=0.5..1")
    images = made.select({"light": (0.5, 1.0)})
    assert f"{len(images)} of 399 images" in said(app)
    assert address(app, "where") == "light=0.5..1"
    slider = next(one for one in app.slider if one.label == "light")
    slider.set_range(-1.0, 1.0).run()
    assert "All 399 images" in said(app)
    assert "where" not in app.query_params


def test_damaged_thumbnails_end_a_section_with_a_sentence_that_names_no_folder_of_the_server(made, monkeypatch):
    def damaged(_):
        raise AtlasError("atlas.damaged-sheet", "the thumbnails in {path} are damaged", path="/server/made.jpg")

    monkeypatch.setattr(made, "thumbnails", damaged)
    app = visit()
    assert [one.value for one in app.error] == [
        "The atlas made cannot be opened; the operator can find the reason in the log."
    ]
    assert "All 59 images" in said(app)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(
    ("finite", "expected"),
    [
        (58, "One more image of the slice is left out: values of this gate are not finite in it."),
        (50, "9 more images of the slice are left out: values of this gate are not finite in them."),
        (1, "58 more images of the slice are left out"),
        (0, "In none of these images are the values of this gate finite."),
    ],
)
def test_images_whose_values_are_not_finite_are_left_out_and_counted(monkeypatch, labelled, finite, expected):
    whole = made_atlas.contents(ok=np.arange(60) != 7)
    values, read = whole.values.copy(), np.flatnonzero(whole.ok)
    values[read[finite:], :4] = np.where(np.arange(59 - finite) % 2, np.nan, np.inf)[:, None]
    none = {} if labelled else {"labels": np.full(60, -1, np.int32), "answers": whole.answers * 0 - 1, "classes": ()}
    none |= {} if labelled else {"label_classes": (), "metadata": {}, "logits": np.zeros((60, 0), np.float32)}
    show(monkeypatch, made_atlas.atlas(values=values, ok=whole.ok, **none))
    app = visit(gate="one.channel")
    assert expected in said(app).replace("\\", "")
    assert ("Spread over" in said(app)) == (not labelled and finite > 1)
    assert "left out" not in said(visit(gate="one.spatial"))
    for section in ("masks", "neighbours", "map", "compare", "suspects"):
        visit(section=section)


def test_without_groups_values_that_lie_close_together_have_the_digits_that_tell_them_apart(monkeypatch):
    values = made_atlas.contents().values.copy()
    values[:, 2] = np.where(np.arange(60) % 2, 0.5, 0.5005)
    none = {"labels": np.full(60, -1, np.int32), "answers": np.full(60, -1, np.int32), "metadata": {}}
    unnamed = {"classes": (), "label_classes": (), "logits": np.zeros((60, 0), np.float32)}
    show(monkeypatch, made_atlas.atlas(values=values, ok=np.arange(60) != 7, **none, **unnamed))
    app = visit(gate="one.channel", entry="2")
    assert "Spread over 59 images: mean 0.50025, standard deviation 0.00024." in htmls(app)
    assert "<span>0.50000</span><span>0.50049</span>" in htmls(app)
