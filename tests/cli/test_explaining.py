"""``cbam explain``: many images, one folder each, bad ones passed over."""

import inspect
import json
import shutil
import signal
import sys

import numpy as np
import pytest
from PIL import Image

from cbam_core import explain, load_classifier
from cbam_core.cli import explaining, main
from cbam_core.cli.figures import Draw
from cbam_core.cli.inputs import find_images
from cbam_core.explanation import contents
from cbam_core.explanation.contents import as_png
from cbam_core.results.look import Look
from tests.corpus.image_files import heic


@pytest.fixture(scope="module")
def opened(tiny_checkpoint):
    """The network, opened once, so that the places of its gates are computed once."""
    return explaining.open_checkpoint(str(tiny_checkpoint), explaining.UNSTATED)


@pytest.fixture
def quick(opened, tiny_checkpoint, monkeypatch):
    """The command with a network that is open, and figures that are a line on what they would show."""

    def open_checkpoint(checkpoint, stated):
        assert (checkpoint, stated) == (str(tiny_checkpoint), explaining.UNSTATED)
        return opened

    monkeypatch.setattr(explaining, "open_checkpoint", open_checkpoint)
    monkeypatch.setattr(contents, "as_png", lambda one, *, look, **_: line_on(one, look))


def line_on(explanation, look):
    return f"{explanation.image_digest} {explanation.fit} {look}".encode()


@pytest.fixture
def explained(quick, tiny_checkpoint, tmp_path, capsys):
    """Runs the command on images; gives status, results, standard output and standard error."""

    def run(*arguments):
        out = tmp_path / "out"
        words = ["explain", *map(str, arguments), "--checkpoint", str(tiny_checkpoint), "--out", str(out)]
        status = main(words)
        written = capsys.readouterr()
        return status, out, written.out, written.err

    return run


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


def test_images_of_one_name_get_folders_of_their_own(explained, picture_file, tmp_path):
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (32, 32), (200 * number, 0, 0)).save(tmp_path / folder / "same.png")
    status, out, _, _ = explained(tmp_path / "a" / "same.png", tmp_path / "b" / "same.png", tmp_path / "a" / "same.png")
    assert status == 0
    inputs = {}
    for folder in out.iterdir():
        with np.load(folder / "values.npz") as values:
            inputs[folder.name] = int(values["input_image"][0, 0, 0])
    assert inputs == {"same": 0, "same-2": 200}


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


@pytest.fixture
def photos(tmp_path):
    """A folder with images of one stem, images in subfolders, and files that are left out."""
    folder = tmp_path / "photos"
    for name, shade in (("a.png", 0), ("a.jpg", 90), ("cat/a.png", 180), ("dog/b.WebP", 240)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (shade, 0, 0)).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    shutil.copy(folder / "a.png", folder / ".hidden.png")
    return folder


def shades(out):
    """Colour of each explained image, by the folder of its results."""
    found = {}
    for values in out.rglob("values.npz"):
        with np.load(values) as arrays:
            found[values.parent.relative_to(out).as_posix()] = int(arrays["input_image"][0, 0, 0])
    return found


def test_a_folder_is_searched_and_no_two_files_share_a_folder(explained, photos):
    status, out, said, errors = explained(photos)
    assert (status, errors, said.count("\n")) == (0, "", 4)
    found = shades(out)
    assert set(found) == {"a", "a-2", "cat/a", "dog/b"}
    assert (found["a-2"], found["cat/a"]) == (0, pytest.approx(180, abs=2))


def test_results_inside_the_searched_folder_are_not_explained_themselves(quick, photos, tiny_checkpoint, capsys):
    arguments = ["explain", str(photos), "--checkpoint", str(tiny_checkpoint), "--out", str(photos / "results")]
    assert [main(arguments), main(arguments)] == [0, 0]
    assert capsys.readouterr().out.count("\n") == 8


def test_a_heic_photo_in_a_folder_is_named_and_the_rest_is_done(explained, photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (photos / "phone.heic").write_bytes(heic())
    status, _, _, errors = explained(photos)
    assert status == 1
    assert "phone.heic: this is a HEIC photo" in errors


def test_an_empty_folder_is_named_and_the_rest_is_done(explained, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, said, errors = explained(tmp_path / "empty", photos)
    assert (status, said.count("\n")) == (1, 4)
    first = f"there are no images in the folder {tmp_path / 'empty'}; name image files, or a folder with some; skipped"
    assert errors.splitlines()[0] == f"cbam: {first}"


def test_resuming_skips_what_is_complete_and_made_alike(explained, photos):
    explained(photos)
    _, out, said, errors = explained(photos, "--resume")
    assert (said, errors) == ("", "cbam: 4 of 4 images were complete and were skipped\n")
    (out / "a" / "values.npz").unlink()
    (out / "cat" / "a" / "manifest.json").write_text("{}")
    Image.new("RGB", (40, 40), (10, 10, 10)).save(photos / "dog" / "b.WebP")
    _, _, said, errors = explained(photos, "--resume")
    assert errors == "cbam: 1 of 4 images were complete and were skipped\n"
    assert shades(out)["dog/b"] == pytest.approx(10, abs=2)
    assert explained(photos, "--resume", "--reading", "relative")[2].count("\n") == 4
    assert explained(photos, "--resume", "--fit", "pad")[2].count("\n") == 4


def test_resuming_notices_how_images_were_decoded(explained, photos):
    explained(photos, "--ground", "black")
    assert explained(photos, "--resume", "--ground", "black")[2] == ""
    assert explained(photos, "--resume")[2].count("\n") == 4
    assert explained(photos, "--resume", "--stretch")[2].count("\n") == 4
    _, out, said, _ = explained(photos, "--resume", "--stretch")
    assert said == ""
    manifest = json.loads((out / "a" / "manifest.json").read_text())
    assert manifest["image"]["decoding"] == {"stretch": True, "ground": "white"}


def test_results_that_do_not_say_how_they_were_decoded_are_of_plain_images(explained, photos):
    _, out, _, _ = explained(photos)
    for path in out.rglob("manifest.json"):
        manifest = json.loads(path.read_text())
        del manifest["image"]["decoding"]
        path.write_text(json.dumps(manifest))
    assert explained(photos, "--resume")[2] == ""
    assert explained(photos, "--resume", "--stretch")[2].count("\n") == 4


def test_patterns_are_searched(explained, photos, tmp_path):
    status, _, said, errors = explained(photos / "**" / "*.[Ww]*")
    assert (status, errors) == (0, "")
    assert said.startswith(f"{photos / 'dog' / 'b.WebP'}: ")
    status, _, _, errors = explained(photos / "*.xyz")
    assert status == 1
    assert errors.startswith(f"cbam: there is no file {photos / '*.xyz'}; check the name")
    assert errors.endswith("cbam: 1 of 1 image could not be explained\n")


def test_a_file_whose_name_is_a_pattern_is_that_file(explained, picture_file, tmp_path):
    odd = shutil.copy(picture_file, tmp_path / "a[1].png")
    assert explained(odd)[2].startswith(f"{odd}: ")


def test_home_is_found_behind_an_option_too(picture_file, tiny_checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copy(picture_file, tmp_path / "cat.png")
    assert main(["explain", "~/cat.png", "--checkpoint", str(tiny_checkpoint), "--out=~/results"]) == 0
    assert (tmp_path / "results" / "cat" / "manifest.json").is_file()
    assert not (tmp_path / "~").exists()


def test_an_address_is_named_as_one(explained, picture_file):
    status, _, said, errors = explained("https://example.org/cat.jpg?size=large", picture_file)
    assert status == 1
    assert said.count("\n") == 1
    address = "https://example.org/cat.jpg?size=large"
    assert errors.startswith(f"cbam: {address} is an address, and nothing is downloaded: save the image")


def test_ctrl_c_leaves_whole_results_and_says_how_to_go_on(
    quick, photos, tiny_checkpoint, tmp_path, capsys, monkeypatch
):
    from cbam_core.explanation import saving

    write, written = saving.save_bytes, []

    def interrupted(path, content):
        write(path, content)
        written.append(path)
        if len(written) == 6:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(saving, "save_bytes", interrupted)
    arguments = ["explain", str(photos), "--checkpoint", str(tiny_checkpoint), "--out", str(tmp_path / "out")]
    assert main(arguments) == 130
    errors = capsys.readouterr().err
    assert errors == "cbam: 2 of 4 images are done; --resume continues with the others\n"
    assert len(shades(tmp_path / "out")) == 2
    assert len(list((tmp_path / "out").rglob("manifest.json"))) == 2
    assert not list((tmp_path / "out").rglob("*.part"))
    assert main([*arguments, "--resume"]) == 0
    assert len(shades(tmp_path / "out")) == 4


@pytest.mark.parametrize("reading", ["values", "relative", "usual"])
def test_the_reading_of_the_figure_is_asked_for(explained, picture_file, opened, reading):
    status, out, _, errors = explained(picture_file, "--reading", reading)
    assert status == 0
    assert ("not known what is usual" in errors) == (reading == "usual")
    expected = line_on(explain(opened, picture_file), Look(reading=reading))
    assert (out / "picture" / "figure.png").read_bytes() == expected


@pytest.fixture
def figured(quick, photos, tiny_checkpoint, capsys):
    """Runs the command for a figure alone; gives status, standard output and standard error."""

    def run(*arguments):
        words = ["explain", *map(str, arguments), "--checkpoint", str(tiny_checkpoint)]
        status = main(words)
        written = capsys.readouterr()
        return status, written.out, written.err

    return run


def test_a_folder_becomes_one_figure_with_its_caption_beside(figured, photos, opened, tmp_path):
    from cbam_core.render.paper.grid import figure_grid

    path = tmp_path / "new" / "grid.svg"
    status, said, errors = figured(photos, "--figure", path, "--width", 84, "--rows", "blocks")
    assert (status, errors) == (0, "")
    lines = said.splitlines()
    assert lines[-1] == f"figure -> {path}, caption -> {path.with_suffix('.caption.txt')}"
    assert all(line.endswith(" %") for line in lines[:-1])
    images = [photos / name for name in ("a.jpg", "a.png", "cat/a.png", "dog/b.WebP")]
    expected = figure_grid(explain(opened, images), width=84.0, rows="blocks", truths=[None, None, "cat", "dog"])
    assert path.read_bytes() == expected.as_bytes("svg")
    assert path.with_suffix(".caption.txt").read_text(encoding="utf-8") == f"{expected.caption}\n"


def test_images_can_be_drawn_by_seed_and_the_caption_says_so(explained, figured, photos, tmp_path):
    path = tmp_path / "grid.svg"
    first, again, other = (explained(photos, "--draw", 2, "--seed", seed)[2] for seed in (0, 0, 3))
    assert first == again != other
    assert first.count("\n") == 2
    assert figured(photos, "--draw", 2, "--seed", 3, "--figure", path)[1].count("\n") == 3
    caption = (tmp_path / "grid.caption.txt").read_text(encoding="utf-8")
    assert caption.endswith(f"2 images drawn with seed 3 from {photos}.\n")
    (photos / "cat" / "a.png").write_bytes(b"")
    draws = [Draw(find_images([str(photos)]), 3, seed).first for seed in range(9)]
    seed = next(seed for seed, first in enumerate(draws) if any(image.path.parent.name == "cat" for image in first))
    assert "1 of 4 images" in explained(photos, "--draw", 3, "--seed", seed)[3]  # with the one instead
    status, _, errors = figured(photos, "--draw", 4, "--figure", path)
    assert (status, errors.count("\n")) == (1, 2)
    assert errors.endswith("1 of 4 images could not be explained\n")
    caption = (tmp_path / "grid.caption.txt").read_text(encoding="utf-8")
    assert caption.endswith(f"3 images drawn with seed 0 from {photos}; 1 more could not be read.\n")


def test_another_image_is_drawn_in_the_place_of_one_that_cannot_be_read(photos):
    images = find_images([str(photos)])
    draw, same = Draw(images, 2, 7), Draw(images, 2, 7)
    assert draw.first == same.first == [image for image in images if image in draw.first]
    more = [*draw.more(1), *draw.more(5)]
    assert more == same.more(6)
    assert sorted(map(id, [*draw.first, *more])) == sorted(map(id, images))


def test_a_figure_needs_no_folder_of_results_and_can_have_one(figured, photos, tmp_path):
    path, pair = tmp_path / "grid.svg", photos / "*" / "*"
    figured(pair, "--figure", path)
    assert {one.name for one in tmp_path.iterdir()} == {"photos", "grid.svg", "grid.caption.txt"}
    figured(pair, "--figure", path, "--out", tmp_path / "out")
    drawn = path.read_bytes()
    path.unlink()
    status, said, errors = figured(pair, "--figure", path, "--out", tmp_path / "out", "--resume")
    assert (status, errors) == (0, "cbam: 2 of 2 images were complete and were skipped\n")
    assert (path.read_bytes(), said.count("\n")) == (drawn, 1)


def test_one_image_has_a_figure_of_its_own(figured, picture_file, opened, tmp_path):
    path = tmp_path / "one.pdf"
    figured(picture_file, "--figure", path, "--reading", "relative")
    explanation = explain(opened, picture_file)
    assert path.read_bytes() == explanation.figure(reading="relative").as_bytes("pdf")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--figure", "grid.jpg"], "choose a name that ends in .pdf, .svg or .png"),
        (["--figure", "grid.pdf", "--width", "20"], "--width"),
        (["--figure", "grid.pdf", "--draw", "9"], "--draw asks for 9 images, but there are 4"),
        (["--draw", "2"], "missing option '--out', or '--figure', or '--html'"),
    ],
)
def test_what_makes_no_figure_is_a_usage_error(figured, photos, options, said):
    status, out, errors = figured(photos, *options)
    assert (status, out, errors.count("\n")) == (2, "", 1)
    assert said in errors


def test_a_figure_of_too_many_images_is_refused_before_any_is_explained(figured, photos, tmp_path):
    for number in range(25):
        shutil.copy(photos / "a.png", photos / f"{number}.png")
    status, out, errors = figured(photos, "--figure", tmp_path / "grid.pdf")
    assert (status, out) == (2, "")
    assert "space for 24 images, not for 29; draw some with --draw 24" in errors
