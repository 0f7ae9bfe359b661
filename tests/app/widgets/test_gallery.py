"""The operator's folder as the source of an image: its links, files that cannot be shown, and files that change."""

from __future__ import annotations

import io

from PIL import Image

from tests.app.inspect.page import elsewhere_and_back, image, texts, visit


def test_without_a_folder_there_is_no_such_source():
    assert "folder" not in visit().segmented_control(key="inspect-source").options


def test_a_picture_of_the_folder_has_a_link_that_says_how_it_was_fitted(image_folder):
    app = visit("folder")
    assert image(app) == "folder-a cat.png"
    app.segmented_control(key="fit").select("pad").run()
    again = visit(image="folder-b.png", fit="pad")
    assert again.segmented_control(key="inspect-source").value == "folder"
    assert image(again) == "folder-b.png"
    assert again.segmented_control(key="fit").value == "pad"


def test_an_address_of_what_cannot_be_opened_can_be_left(image_folder):
    app = visit(image="folder-broken.png")
    assert app.segmented_control(key="inspect-source").value == "folder"
    assert "asks for what cannot be shown here: image broken.png." in texts(app)
    app.segmented_control(key="inspect-source").select("sample").run()
    assert app.segmented_control(key="inspect-source").value == "sample"
    assert image(app) == "sample-31"


def test_a_square_of_the_folders_picture_is_not_that_of_an_upload_of_its_name(image_folder):
    app = visit(image="folder-b.png", fit="square", square="1~2~20")
    assert app.query_params["square"] == "1~2~20"
    app.segmented_control(key="inspect-source").select("upload").run()
    file = io.BytesIO()
    Image.new("RGB", (200, 200), (1, 2, 3)).save(file, "PNG")
    app.file_uploader[0].set_value([("b.png", file.getvalue(), "image/png")]).run()
    assert app.segmented_control(key="fit").value == "square"
    assert app.session_state["picked"].fitted.square is None


def test_a_picture_that_the_operator_adds_does_not_take_the_place_of_the_one_that_is_shown(image_folder):
    app = visit(image="folder-b.png")
    Image.new("RGB", (64, 48), (0, 200, 0)).save(image_folder / "0.png")
    app.run()
    assert image(app) == "folder-b.png"
    (image_folder / "b.png").unlink()
    app.run()
    assert image(app) == "folder-0.png"
    assert not app.exception


def test_a_file_that_is_no_picture_is_one_sentence(image_folder):
    app = visit(image="folder-broken.png")
    assert len(app.error) == 1
    assert "broken.png" in app.error[0].value


def test_an_empty_folder_and_a_missing_one_are_said(monkeypatch, tmp_path):
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(tmp_path))
    assert "no images in the folder" in texts(visit("folder"))
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(tmp_path / "gone"))
    app = visit("folder")
    assert app.error[0].value.startswith("The image folder cannot be read")
    assert str(tmp_path) not in texts(app)
    assert "image" not in app.query_params


def test_another_page_loses_no_folder_picture_and_no_fit(image_folder):
    app = visit(image="folder-b.png", fit="pad")
    elsewhere_and_back(app)
    assert image(app) == "folder-b.png"
    assert app.segmented_control(key="fit").value == "pad"


def test_a_part_that_a_linked_picture_does_not_have_is_left_out(image_folder):
    app = visit(image="folder-b.png", fit="square", square="99999~99999~99999")
    assert not app.error
    assert image(app) == "folder-b.png"
    assert "cannot be shown here: square=99999" in texts(app)
    app.segmented_control(key="fit").select("pad").run()  # the address is kept until then
    assert "square" not in app.query_params


def test_where_nothing_is_shown_the_address_names_nothing(image_folder):
    app = visit("folder")
    assert "image" in app.query_params
    app.segmented_control(key="inspect-source").select("upload").run()
    assert "image" not in app.query_params
    app.segmented_control(key="inspect-source").select("folder").run()
    assert "image" in app.query_params
    app = visit(image="folder-b.png")
    (image_folder / "b.png").write_bytes(b"no picture")
    app.run()
    assert "image" not in app.query_params
