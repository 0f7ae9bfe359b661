"""``cbam explain --figure``: images in one figure for print, some of them drawn at random."""

import shutil

import pytest

from cbam_core import explain
from cbam_core.cli import main
from cbam_core.cli.figures import Draw
from cbam_core.cli.inputs import find_images
from tests.cli.explained import left_out


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
    assert (status, errors) == (0, left_out(photos))
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
    assert (status, errors.count("\n")) == (1, 3)
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
