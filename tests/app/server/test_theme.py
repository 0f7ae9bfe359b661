import re

import pytest

from app.server.theme import DARK, DARK_SIDEBAR, LIGHT, LIGHT_SIDEBAR, SHARED, theme_options

CAPTION_OPACITY = 0.6  # Streamlit's
SELECTION_OPACITY = 0.1  # the accent behind a selected segment

PLACES = [(LIGHT, LIGHT), (LIGHT, LIGHT_SIDEBAR), (DARK, DARK), (DARK, DARK_SIDEBAR)]


def rgb(colour):
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def mix(front, back, opacity):
    return [a * opacity + b * (1 - opacity) for a, b in zip(front, back, strict=True)]


def luminance(colour):
    # Relative luminance, WCAG 2.2.
    linear = [v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_formula_gives_the_known_ends():
    assert contrast([0, 0, 0], [255, 255, 255]) == pytest.approx(21)
    assert contrast(rgb("#777777"), rgb("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("design", "place"), PLACES)
@pytest.mark.parametrize("ground", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_links_captions_and_selections_are_readable(design, place, ground):
    back = rgb(place[ground])
    accent = rgb(design["primaryColor"])
    assert contrast(rgb(design["textColor"]), back) >= 7
    assert contrast(mix(rgb(design["textColor"]), back, CAPTION_OPACITY), back) >= 4.5
    assert contrast(rgb(design["linkColor"]), back) >= 4.5
    assert contrast(accent, back) >= 4.5
    assert contrast(accent, mix(accent, back, SELECTION_OPACITY)) >= 4.5 or ground != "backgroundColor"


@pytest.mark.parametrize(("design", "least"), [(LIGHT, 4.5), (DARK, 3)])
def test_white_on_the_accent(design, least):
    assert contrast([255, 255, 255], rgb(design["primaryColor"])) >= least


@pytest.mark.parametrize("design", [LIGHT, DARK])
def test_chart_colours_stand_out_and_differ(design):
    colours = design["chartCategoricalColors"]
    assert len(set(colours)) == len(colours)
    for colour in colours:
        assert contrast(rgb(colour), rgb(design["backgroundColor"])) >= 3, colour
    assert contrast(rgb(design["codeTextColor"]), rgb(design["codeBackgroundColor"])) >= 7


def test_the_sequential_colours_rise_in_lightness():
    lightness = [luminance(rgb(colour)) for colour in SHARED["chartSequentialColors"]]
    assert len(lightness) == len(SHARED["chartDivergingColors"]) == 10
    assert lightness == sorted(lightness)


def test_both_designs_set_the_same_options_and_none_leaves_this_server():
    assert set(LIGHT) == set(DARK)
    assert set(LIGHT_SIDEBAR) == set(DARK_SIDEBAR)
    assert not re.search("https?:", str(theme_options()))
    assert "theme.base" not in theme_options(), "a fixed base would overrule the visitor's light or dark"
