from importlib.resources import files

import streamlit as st

from app.widgets.component import component


def test_a_component_is_made_of_the_files_of_its_name(monkeypatch):
    given = {}
    monkeypatch.setattr(st.components.v2, "component", lambda name, **parts: given.update(parts, name=name))
    component("strip", "<div></div>", before="// first\n")
    folder = files("app.widgets")
    assert given == {
        "name": "cbam_lens.strip",
        "html": "<div></div>",
        "css": folder.joinpath("strip.css").read_text(encoding="utf-8"),
        "js": "// first\n" + folder.joinpath("strip.js").read_text(encoding="utf-8"),
    }


def test_a_component_may_lack_a_style_sheet_and_lie_in_another_package(monkeypatch):
    given = {}
    monkeypatch.setattr(st.components.v2, "component", lambda name, **parts: given.update(parts, name=name))
    component("language", "<span></span>", package="app.shell")
    assert given["css"] is None
    assert given["js"] == files("app.shell").joinpath("language.js").read_text(encoding="utf-8")
