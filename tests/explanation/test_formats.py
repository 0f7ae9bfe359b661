"""The table of files that an explanation is written as, and whoever reads it."""

import re

from cbam_core.cli import main
from cbam_core.explanation.formats import FORMATS
from cbam_core.explanation.manifest import ROUNDING

OFFERED = [each for each in FORMATS if each.label]


def test_an_explanation_is_a_figure_values_weights_and_a_manifest_in_this_order():
    names = [each.name for each in FORMATS]
    assert names == ["figure.png", "values.npz", "channel_weights.csv", "manifest.json"]
    assert [each.ending for each in FORMATS] == [".png", ".npz", ".csv", ".json"]


def test_no_two_formats_are_taken_for_one():
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    assert len({each.ending for each in OFFERED}) == len(OFFERED)  # a page names its downloads by it


def test_every_format_says_what_it_is():
    for each in FORMATS:
        assert re.fullmatch(r"\w+/[\w.+-]+", each.media_type)
        assert each.ending in each.about
        assert each.ending in each.label or not each.label


def test_the_manifest_says_how_every_file_rounds():
    assert "; ".join(f"{each.name}: {each.rounding}" for each in FORMATS) + "." == ROUNDING


def test_the_help_of_the_command_line_names_every_format(capsys):
    assert main(["explain", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for each in FORMATS:
        assert each.about in said
