"""Every word of ours is translated, where a browser draws it on a canvas or on occasion; see also tests/browser."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import skimage
import torch
from streamlit.testing.v1 import AppTest

from cbam_core import CBAM_CNN
from tests.app.visiting import MAIN, go_to, open_page

PHOTO = (Path(skimage.__file__).parent / "data" / "chelsea.png").read_bytes()

WORDS_OF_CHARTS = ("hovertemplate", "text", "name", "ticktext", "customdata", "label", "x", "y")
"""Where a chart of Plotly holds what people read; the rest are colours, sizes and the like."""

NO_WORDS = re.compile(
    r"|A|B|A B|(cbam|stage)\d[\w.]*|cbam_\w+( .*)?|.*\.(png|jpg)|English|简体中文|EN|中文"
    r"|[\W\d_]*|:material/\w+:"
)


def bare(text):
    """What stands outside of marks, without what Plotly and Markdown read themselves."""
    before = None
    while text != before:
        before, text = text, re.sub(r"⟦[^⟦⟧]*⟧", "", text)
    return re.sub(r"%\{[^}]*\}|<[^>]*>|:material/\w+:|`[^`]*`", "", text).strip()


def left_over(texts):
    return sorted({text for text in map(bare, texts) if not NO_WORDS.fullmatch(text)})


def visit(source):
    app = AppTest.from_file(str(MAIN), default_timeout=100).run()
    app.segmented_control(key="inspect-source").select(source).run()
    assert not app.exception
    return app


def said(app):
    """Everything that widgets and texts of the page say."""
    yield from (element.value for element in [*app.markdown, *app.caption, *app.info, *app.error, *app.warning])
    for element in app:
        proto = getattr(element, "proto", None)
        for name in ("label", "help", "placeholder"):
            yield str(getattr(proto, name, "") or "")
        options = getattr(proto, "options", ())
        yield from (option if isinstance(option, str) else option.content for option in options)


def strings(chart, wanted=False):
    """What people can read in a chart, hovers included."""
    if isinstance(chart, str):
        if wanted:
            yield chart
    elif isinstance(chart, dict):
        for key, value in chart.items():
            yield from strings(value, key in WORDS_OF_CHARTS)
    elif isinstance(chart, list):
        for value in chart:
            yield from strings(value, wanted)


@pytest.fixture(autouse=True)
def _all_marked(marked):
    """Every test here reads the language of marks."""


def test_the_table_of_uploads_and_its_refusals():
    app = visit("upload")
    files = [
        ("cat.png", PHOTO, "image/png"),
        ("bad.png", b"no picture", "image/png"),
        ("cut.png", PHOTO[:999], "image/png"),
    ]
    app.file_uploader[0].set_value(files).run()
    table = app.dataframe[0].value
    assert len(table) == 3
    columns = [name for name in table.columns if not name.startswith("mask ")]  # these are headed by the block's name
    cells = table[columns[1:]].fillna("").to_numpy().ravel()
    assert left_over([*columns, *map(str, cells)]) == []


@pytest.mark.parametrize("page", ["compare", "training", "model"])
def test_charts_and_their_hovers(page):
    app = open_page(page)
    charts = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    assert charts
    texts = [text for chart in charts for text in strings(chart)]
    assert any("⟦" in text for text in texts)
    assert left_over(texts) == []
    assert left_over(chart.proto.alt for chart in app.get("plotly_chart")) == []


def test_a_plain_state_dict_of_numbered_classes():
    file = io.BytesIO()
    torch.save(CBAM_CNN(num_classes=5).state_dict(), file)
    app = AppTest.from_file(str(MAIN), default_timeout=100).run()
    app.sidebar.file_uploader[0].set_value([("cbam_own.pth", file.getvalue(), "")]).run()
    assert left_over(said(app)) == []
    go_to(app, "model").run()
    assert not app.exception
    assert left_over([*said(app), *(text.value for text in app.text)]) == []
    assert "class 4⟧" in " ".join(element.proto.body for element in app.get("html"))


def test_the_fetched_test_set(test_set):
    assert left_over(said(visit("test"))) == []


def test_the_operators_folder(tmp_path, monkeypatch):
    (tmp_path / "cat.png").write_bytes(PHOTO)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(tmp_path))
    assert left_over(said(visit("folder"))) == []
