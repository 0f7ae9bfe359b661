"""Inspect's address: the viewer's settings in it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inspect.link import PARAMETERS, SETTINGS, settings_as_parameters, settings_of
from app.session import links
from cbam_core.results.look import COLOUR_TABLES, Reading
from cbam_core.viewer import Settings


def test_settings_go_there_and_back():
    settings = Settings(colours="magma", opacity=0.35, smooth=True, scale="stretch", image="original", block="cbam2")
    written = settings_as_parameters(settings, Settings())
    texts = {name: links.as_text(value) for name, value in written.items()}
    assert Settings().changed_by(settings_of(links.read(texts, PARAMETERS))) == settings


def test_a_place_and_a_channel_are_named_and_come_back():
    settings = Settings(place=(39.1, 100.0), channel=("stage2.1.cbam", 17))
    texts = {name: links.as_text(value) for name, value in settings_as_parameters(settings, Settings()).items()}
    assert texts == {"place": "39.1~100", "channel": "stage2.1.cbam~17"}
    assert Settings().changed_by(settings_of(links.read(texts, PARAMETERS))) == settings


def test_a_gate_is_named_and_comes_back():
    settings = Settings(origin=("stage2.1.cbam", "spatial"))
    texts = {name: links.as_text(value) for name, value in settings_as_parameters(settings, Settings()).items()}
    assert texts == {"origin": "stage2.1.cbam~spatial"}
    assert Settings().changed_by(settings_of(links.read(texts, PARAMETERS))) == settings
    for text in ("", "cbam1", "~spatial", "cbam1~full", "cbam1~"):
        assert links.read({"origin": text}, PARAMETERS) == {}


@pytest.mark.parametrize("text", ["", "5", "5~", "-1~5", "101~5", "5~100.5", "1e1~5", "nan~5", "5~5~5"])
def test_a_place_outside_of_the_image_counts_as_absent(text):
    assert links.read({"place": text}, PARAMETERS) == {}


@pytest.mark.parametrize("text", ["", "cbam1", "cbam1~", "~5", "cbam1~-1", "cbam1~1.5", "cbam1~123456", "a\nb~1"])
def test_what_is_not_a_channel_counts_as_absent(text):
    assert links.read({"channel": text}, PARAMETERS) == {}


def test_usual_settings_are_not_named():
    assert settings_as_parameters(Settings(), Settings()) == {}


@pytest.mark.parametrize("reading", get_args(Reading))
@pytest.mark.parametrize("others", [{}, {"opacity": 0.25}, {"image": "original", "block": "cbam2"}])
def test_every_reading_goes_there_and_back_whatever_the_page_opens_with(reading, others):
    usual = Settings(reading="relative")
    settings = replace(usual, reading=reading, **others)
    texts = {name: links.as_text(value) for name, value in settings_as_parameters(settings, usual).items()}
    assert usual.changed_by(settings_of(links.read(texts, PARAMETERS), "relative")) == settings


def test_an_address_from_before_there_were_readings_shows_the_gates_as_they_are():
    assert settings_of({"colours": "magma"}, "relative") == {"colours": "magma", "reading": "values"}
    assert settings_of({"picture": "input"}, "relative")["reading"] == "values"


def test_an_address_without_settings_shows_what_the_page_opens_with():
    assert settings_of({}, "relative") == {}


@given(st.dictionaries(st.sampled_from([*SETTINGS, "picture"]), st.text(max_size=20)))
def test_settings_of_any_address_are_settings(parameters):
    Settings().changed_by(settings_of(links.read(parameters, PARAMETERS)))


@pytest.mark.parametrize("name", COLOUR_TABLES)
def test_an_address_can_name_every_colour_table(name):
    found = links.read({"colours": name}, PARAMETERS)
    assert Settings().changed_by(settings_of(found)).colours == name
