"""Inspect's address: the viewer's settings in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inspect.link import PARAMETERS, SETTINGS, settings_as_parameters, settings_of
from app.session import links
from cbam_core.results.look import COLOUR_TABLES
from cbam_core.viewer import Settings


def test_settings_go_there_and_back():
    settings = Settings(colours="magma", opacity=0.35, smooth=True, scale="stretch", image="original", block="cbam2")
    written = settings_as_parameters(settings, Settings())
    texts = {name: links.as_text(value) for name, value in written.items()}
    assert Settings().changed_by(settings_of(links.read(texts, PARAMETERS))) == settings


def test_usual_settings_are_not_named():
    assert settings_as_parameters(Settings(), Settings()) == {}


@given(st.dictionaries(st.sampled_from([*SETTINGS, "picture"]), st.text(max_size=20)))
def test_settings_of_any_address_are_settings(parameters):
    Settings().changed_by(settings_of(links.read(parameters, PARAMETERS)))


@pytest.mark.parametrize("name", COLOUR_TABLES)
def test_an_address_can_name_every_colour_table(name):
    found = links.read({"colours": name}, PARAMETERS)
    assert Settings().changed_by(settings_of(found)).colours == name
