"""``cbam explain``: what is saved of each image, and how it is asked for."""

import inspect
import json
import shutil

import numpy as np
import pytest

from cbam_core import explain, load_classifier
from cbam_core.cli import main
from cbam_core.explanation.contents import as_png
from cbam_core.results.look import Look
from tests.cli.explained import line_on


def test_an_images_folder_holds_what_the_library_says(picture_file, tiny_checkpoint, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["explain", str(picture_file), "--checkpoint", str(tiny_checkpoint), "--out", str(out)]
    assert main([*words, "--reading", "relative"]) == 0
    said, errors = capsys.readouterr()
    assert errors == ""
    expected = explain(load_classifier(tiny_checkpoint), picture_file)
    assert (out / "picture" / "figure.png").read_bytes() == as_png(expected, look=Look(reading="relative"))
    assert said == (
        f"{picture_file}: {expected.predicted} {100 * expected.probabilities.max():.1f} % -> {out / 'picture'}\n"
    )
    with np.load(out / "picture" / "values.npz") as values:
        assert np.array_equal(values["probabilities"], expected.probabilities)
        assert np.array_equal(values["cbam2.spatial"], expected.blocks[1].spatial_mask)
    assert {path.name for path in (out / "picture").iterdir()} == {
        "figure.png",
        "values.npz",
        "channel_weights.csv",
        "manifest.json",
    }


def test_a_bad_file_is_reported_in_one_line_and_the_rest_is_done(explained, picture_file, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    second = shutil.copy(picture_file, tmp_path / "second.png")
    status, out, said, errors = explained(picture_file, tmp_path / "bad.jpg", tmp_path / "absent.png", second)
    assert status == 1
    assert {path.name for path in out.iterdir()} == {"picture", "second"}
    assert said.count("\n") == 2
    first, second, summary = errors.splitlines()
    assert first.startswith(f"cbam: {tmp_path / 'bad.jpg'}: ")
    assert second.count("absent.png") == 1
    assert summary == "cbam: 2 of 4 images could not be explained"


def test_a_hostile_name_stays_inside_the_out_folder(explained, picture_file, tmp_path):
    hostile = shutil.copy(picture_file, tmp_path / "..\x1b[2J\n~ $(rm)")
    status, out, said, _ = explained(hostile)
    assert status == 0
    assert len(list(out.iterdir())) == 1
    assert "\x1b" not in said
    assert said.count("\n") == 1
    assert (out / "_").parent == out
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize(
    ("options", "recorded"),
    [
        ([], {"colours": "viridis", "scale": "unit", "opacity": 0.5, "smooth": False}),
        (
            ["--colours", "magma", "--scale", "stretch", "--opacity", "0.25", "--smooth"],
            {"colours": "magma", "scale": "stretch", "opacity": 0.25, "smooth": True},
        ),
    ],
)
def test_how_the_figure_is_drawn_is_asked_for_and_recorded(explained, picture_file, options, recorded):
    _, out, _, _ = explained(picture_file, *options)
    manifest = (out / "picture" / "manifest.json").read_text(encoding="utf-8")
    drawn = json.loads(manifest)["drawn"] if "drawn" in json.loads(manifest) else json.loads(manifest)["figure"]
    assert recorded.items() <= drawn.items()


def test_the_fit_is_asked_for(explained, picture_file, opened):
    _, out, _, _ = explained(picture_file, "--fit", "squash")
    expected = explain(opened, picture_file, "squash")
    with np.load(out / "picture" / "values.npz") as values:
        assert np.array_equal(values["input_image"], expected.input_image)


def test_the_choices_of_scale_and_fit_are_those_that_there_are():
    from typing import get_args

    from cbam_core.cli.explaining import explain_images
    from cbam_core.results.frame import FITS
    from cbam_core.results.look import Scale

    options = inspect.signature(explain_images).parameters
    scales, fits = (get_args(options[name].annotation)[0] for name in ("scale", "fit"))
    assert get_args(scales) == get_args(Scale)
    assert set(get_args(fits)) == set(FITS) - {"square"}


def test_the_command_takes_every_colour_table_and_names_them(explained, picture_file, capsys):
    from cbam_core.results.look import COLOUR_TABLES

    for name in COLOUR_TABLES:
        status, out, _, _ = explained(picture_file, "--colours", name)
        manifest = json.loads((out / "picture" / "manifest.json").read_text(encoding="utf-8"))
        assert (status, manifest["figure"]["colours"]) == (0, name)
    assert main(["explain", "--help"]) == 0
    assert f"<{'|'.join(COLOUR_TABLES)}>" in capsys.readouterr().out


def test_an_out_folder_that_cannot_be_written_ends_the_command(tiny_checkpoint, picture_file, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("")
    arguments = ["explain", str(picture_file), "--checkpoint", str(tiny_checkpoint), "--out", str(blocked / "out")]
    assert main(arguments) == 3
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert str(blocked) in errors


@pytest.mark.parametrize("reading", ["values", "relative", "usual"])
def test_the_reading_of_the_figure_is_asked_for(explained, picture_file, opened, reading):
    status, out, _, errors = explained(picture_file, "--reading", reading)
    assert status == 0
    assert ("not known what is usual" in errors) == (reading == "usual")
    expected = line_on(explain(opened, picture_file), Look(reading=reading))
    assert (out / "picture" / "figure.png").read_bytes() == expected
