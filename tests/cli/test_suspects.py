"""``cbam atlas suspects``: what the command lists is what the library answers."""

import json

import pytest

from cbam_core import open_atlas
from cbam_core.cli import main


def listed(capsys, *options):
    assert main(["atlas", "suspects", *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_images_are_those_of_the_library_in_its_order(folder, capsys):
    atlas = open_atlas(folder)
    found, said = atlas.suspects(5), listed(capsys, str(folder), "-n", "5")
    assert [row["image"] for row in said["doubtful"]] == found.doubtful.images.tolist()
    assert [row["near_with_answer"] for row in said["doubtful"]] == [
        round(10 * share) for share in found.doubtful.suggested_neighbours
    ]
    assert said["doubtful_count"] == found.doubtful_count > 5
    assert [row["image"] for row in said["outliers"]] == found.outliers.images.tolist()
    assert [row["distance"] for row in said["outliers"]] == found.outliers.distances.tolist()
    assert (said["usual_distance"], said["compared_with"]) == (found.outliers.usual, 100)


def test_conditions_choose_which_are_listed_and_change_no_number(folder, capsys):
    whole = listed(capsys, str(folder), "-n", "100")
    cats = listed(capsys, str(folder), "-n", "100", "--where", "class=cat")
    assert 0 < len(cats["doubtful"]) == cats["doubtful_count"] < whole["doubtful_count"]
    assert cats["doubtful"] == [row for row in whole["doubtful"] if row["label"] == "cat"]
    chosen = set(open_atlas(folder).select({"class": "cat"}).tolist())
    assert cats["outliers"] == [row for row in whole["outliers"] if row["image"] in chosen]


def test_tables_have_a_line_for_each_image(folder, capsys):
    assert main(["atlas", "suspects", str(folder), "-n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "labels that the network and the nearest images both doubt" in lines[0]
    assert lines[1].split() == ["label", "or", "answer", "probability", "near", "image"]
    assert "%" in lines[2]
    assert lines[4].startswith("far from all others, by the distance to the last of the 10 nearest; its median is ")
    assert lines[5].split() == ["distance", "image"]
    assert len(lines) == 8


@pytest.fixture
def unlabelled(tiny_checkpoint, tmp_path):
    from PIL import Image

    photos, place = tmp_path / "photos", tmp_path / "atlas"
    photos.mkdir()
    Image.new("RGB", (32, 32)).save(photos / "only.png")
    assert main(["atlas", "build", str(tiny_checkpoint), "--set", str(photos), "--out", str(place)]) == 0
    return str(place)


def test_an_image_alone_and_without_label_is_no_suspect(unlabelled, capsys):
    capsys.readouterr()
    assert listed(capsys, unlabelled) == {
        "doubtful": None,
        "doubtful_count": None,
        "outliers": [],
        "usual_distance": None,
        "compared_with": 1,
    }
    assert main(["atlas", "suspects", unlabelled]) == 0
    assert capsys.readouterr().out == (
        "there are no labels, or no answers, that could be doubted\nthere is no image that could be far from others\n"
    )
