"""What the browser is told about files: our words, and whether a reload would drop uploads."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app.shell import upload_words
from app.widgets.network_file import ENDINGS
from cbam_core import CBAM_CNN
from tests.app.visiting import MAIN, go_to


@pytest.fixture
def told(monkeypatch):
    """What each run of the script told the browser."""
    runs = []
    monkeypatch.setattr(upload_words, "_component", lambda: lambda **given: runs.append(given["data"]))
    return runs


@pytest.fixture
def app(told):
    return AppTest.from_file(str(MAIN), default_timeout=100).run()


def rerun_tells(app, told):
    app.run()
    assert not app.exception
    return told[-1]["kept"]


def test_words_have_their_numbers_and_no_placeholder_but_the_file(app, told):
    words = told[-1]["words"]
    assert "64 MB" in words["image_limits"]
    assert "256 MB" in words["network_limits"]
    assert "At most 2 MB: .json" in words["edits_limits"]
    assert all(f".{ending}" in words[name] for name in ("network_limits", "not_network") for ending in ENDINGS)
    left = {name for name, text in words.items() if "{" in text.replace("{file}", "")}
    assert not left
    assert "png" in told[-1]["images"]


def test_a_network_is_kept_until_it_is_removed(app, told):
    content = io.BytesIO()
    torch.save(CBAM_CNN().state_dict(), content)
    assert not rerun_tells(app, told)
    app.sidebar.file_uploader[0].set_value([("best.pth", content.getvalue(), "application/octet-stream")]).run()
    assert rerun_tells(app, told)
    app.sidebar.button(key="own-remove").click().run()
    assert not rerun_tells(app, told)


def upload(app, picture_file: Path):
    app.segmented_control(key="inspect-source").select("upload").run()
    app.file_uploader(key="files-0").set_value([("cat.png", picture_file.read_bytes(), "image/png")]).run()


def test_an_image_is_kept_on_every_page_until_it_is_removed(app, told, picture_file):
    upload(app, picture_file)
    go_to(app, "model").run()
    assert told[-1]["kept"]
    go_to(app, "inspect").run()
    assert rerun_tells(app, told)
    app.button(key="uploads-forget").click().run()
    assert not rerun_tells(app, told)


def test_an_image_of_compare_is_kept_until_it_is_removed(app, told, picture_file):
    go_to(app, "compare").run()
    app.segmented_control(key="compare-source-left-0").select("upload").run()
    assert not told[-1]["kept"]
    file = ("cat.png", picture_file.read_bytes(), "image/png")
    app.file_uploader(key="compare-file-left-0").set_value([file]).run()
    assert told[-1]["kept"]
    go_to(app, "model").run()
    go_to(app, "compare").run()
    app.button(key="compare-forget-left-0").click().run()
    assert not told[-1]["kept"]
