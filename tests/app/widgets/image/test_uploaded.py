"""An upload as the source of an image: what can be done to its values, and that it is there again."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from tests.app.inspect.page import elsewhere_and_back, texts, visit


def visit_with(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    app = visit("upload")
    app.file_uploader(key="files-0").set_value([("a.png", file.getvalue(), "image/png")]).run()
    assert not app.exception
    return {toggle.label: toggle for toggle in app.toggle}, app


def shown_input(app):
    return app.session_state["picked"].fitted


def test_values_that_use_a_small_part_of_their_range_can_be_stretched_and_back():
    narrow = (np.arange(1024, dtype=np.uint16).reshape(32, 32) // 8 + 900).astype(np.uint16)
    toggles, app = visit_with(narrow)
    assert list(toggles) == ["Stretch the values"]
    toggles["Stretch the values"].set_value(True).run()
    assert shown_input(app).stretch
    assert [toggle.label for toggle in app.toggle] == ["Stretch the values"]
    app.toggle[0].set_value(False).run()
    assert not shown_input(app).stretch


def test_transparent_areas_can_be_placed_on_black():
    clear = np.zeros((32, 32, 4), np.uint8)
    toggles, app = visit_with(clear)
    assert list(toggles) == ["Transparent areas on black"]
    toggles["Transparent areas on black"].set_value(True).run()
    assert shown_input(app).ground == "black"


def test_an_image_that_neither_changes_is_offered_neither():
    assert not visit_with(np.zeros((32, 32, 3), np.uint8))[0]


def test_an_upload_that_was_looked_at_is_there_again_until_it_is_put_away():
    app = visit("upload")
    content = (Path(skimage.__file__).parent / "data" / "chelsea.png").read_bytes()
    app.file_uploader[0].set_value([("chelsea.png", content, "image/png")]).run()
    assert "image" not in app.query_params
    elsewhere_and_back(app)
    assert app.segmented_control(key="inspect-source").value == "upload"
    assert "The last image you viewed: chelsea.png" in texts(app)
    assert "A block multiplies" in texts(app)
    app.button(key="uploads-forget").click().run()
    assert "The last image you viewed" not in texts(app)
    assert "Any image works" in texts(app)
    assert "A block multiplies" not in texts(app)
