"""``cbam explain --html``: one file about all images."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cbam_core import load_classifier
from cbam_core.cli import main
from tests.report.reading import read


@pytest.fixture
def reported(tiny_checkpoint, tmp_path, capsys):
    """Runs the command; gives status, the page as it reads, standard output and standard error."""

    def run(*arguments, name="report.html"):
        path = tmp_path / name
        status = main(["explain", *map(str, arguments), "--checkpoint", str(tiny_checkpoint), "--html", str(path)])
        written = capsys.readouterr()
        page = read(path.read_text(encoding="utf-8")) if path.exists() else None
        return status, page, written.out, written.err

    return run


@pytest.fixture
def labelled(tmp_path, tiny_checkpoint):
    """Two folders named as classes, with a file of the same name in each."""
    first, second = load_classifier(tiny_checkpoint).classes[:2]
    for number, name in enumerate((first, second)):
        (tmp_path / "set" / name).mkdir(parents=True)
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        for file in ("same.png", f"{number}.png"):
            Image.fromarray(pixels).save(tmp_path / "set" / name / file)
    return tmp_path / "set", first, second


def test_one_image_makes_a_page_with_its_card_and_prediction(reported, picture_file, tiny_checkpoint):
    status, page, said, errors = reported(picture_file, "--reading", "relative")
    classifier = load_classifier(tiny_checkpoint)
    assert (status, errors) == (0, "")
    assert said.splitlines()[-1].startswith("report -> ")
    assert "1 image, " in said
    assert "picture.png · " in page.words
    assert classifier.digest in page.words
    assert json.loads(page.data)["settings"]["reading"] == "relative"
    assert classifier.architecture in page.words


def test_folders_named_as_classes_are_true_classes_and_mistakes_come_first(reported, labelled):
    folder, first, second = labelled
    status, page, said, _ = reported(folder)
    rows = json.loads(page.data)["entries"]
    assert status == 0
    assert "4 images, " in said
    assert [row["wrong"] for row in rows] == sorted((row["wrong"] for row in rows), reverse=True)
    assert {row["truth"] for row in rows} == {first, second}
    assert {row["name"] for row in rows} == {f"{first}/same.png", f"{second}/same.png", "0.png", "1.png"}
    assert f"{sum(not row['wrong'] for row in rows)} of 4 right" in page.words


def test_a_page_can_be_chinese(reported, picture_file):
    _, page, _, _ = reported(picture_file, "--language", "zh")
    assert "网络的输入" in [found.get("alt") for found in page.attributes("img")]
    assert "关于此页" in page.words
    assert page.attributes("html") == [{"lang": "zh"}]
    assert json.loads(page.data)["viewer"]["words"]["opacity"] == "不透明度"


def test_hostile_file_names_stay_text(reported, picture_file, tmp_path):
    name = "<img src=x onerror=alert(1)>.png"
    shutil.copy(picture_file, tmp_path / name)
    status, page, _, _ = reported(tmp_path / name)
    assert status == 0
    assert name in page.words
    assert [found["src"][:5] for found in page.attributes("img")] == ["data:"] * len(page.attributes("img"))


def test_a_page_of_another_kind_or_of_too_many_images_is_refused(reported, picture_file, monkeypatch):
    status, page, said, errors = reported(picture_file, name="report.pdf")
    assert (status, page, said) == (2, None, "")
    assert "does not end in .html" in errors
    monkeypatch.setattr("cbam_core.cli.reports.MOST", 0)
    status, page, said, errors = reported(picture_file)
    assert (status, page, said) == (2, None, "")
    assert "--html has space for 0 images, not for 1" in errors
