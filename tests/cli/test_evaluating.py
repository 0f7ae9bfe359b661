"""``cbam evaluate``: how many test images a network gets right, which ones it mixes up, and how sure it is."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cbam_core.cli import main
from cbam_core.data import cifar10
from cbam_core.data.cifar10 import CLASSES, LabelledImages
from cbam_core.data.samples import sample_sheet
from cbam_core.evaluation.evaluation_file import open_evaluation
from cbam_core.network import save_classifier
from cbam_core.results.evaluation import wilson_interval


@pytest.fixture
def fetched(monkeypatch):
    """Twenty images stand in for the test set; records which folders were asked for it."""
    sheet = sample_sheet()
    asked = []

    def open_split(split, folder):
        asked.append((split, folder))
        return LabelledImages(sheet.images[:20], sheet.labels[:20])

    monkeypatch.setattr(cifar10, "open_split", open_split)
    return asked


def test_without_the_test_set_the_bundled_images_are_used_and_the_output_says_so(tiny_checkpoint, capsys):
    assert main(["evaluate", "--checkpoint", str(tiny_checkpoint)]) == 0
    written = capsys.readouterr()
    assert "only the 100 bundled images" in written.err
    assert "cbam data fetch" in written.err
    assert "bundled images (not the whole test set)" in written.out
    assert " of 100)" in written.out


def test_bundled_images_by_request_need_no_remark(tiny_checkpoint, capsys):
    assert main(["evaluate", str(tiny_checkpoint), "--split", "samples"]) == 0
    assert capsys.readouterr().err == ""


def test_json_agrees_with_a_plain_count(tiny_checkpoint, tiny_classifier, capsys):
    assert main(["evaluate", "--checkpoint", str(tiny_checkpoint), "--split", "samples", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    sheet = sample_sheet()
    predicted = np.array(
        [int(tiny_classifier.model(tiny_classifier.normalise(image)[None]).argmax()) for image in sheet.images]
    )
    right = predicted == sheet.labels
    assert said["accuracy"] == right.mean()
    assert (said["right"], said["count"], said["split"]) == (right.sum(), 100, "samples")
    for label, name in enumerate(CLASSES):
        assert said["classes"][name]["right"] == right[sheet.labels == label].sum()
        assert said["classes"][name]["count"] == 10
        assert said["confusion"][name] == {
            other: ((sheet.labels == label) & (predicted == column)).sum() for column, other in enumerate(CLASSES)
        }
    low, high = wilson_interval(int(right.sum()), 100)
    assert said["interval"] == {"low": low, "high": high, "level": 0.95}
    assert 0 <= said["calibration"]["expected_calibration_error"] <= 1
    assert sum(row["count"] for row in said["calibration"]["bins"]) == 100


def test_the_test_set_is_counted_where_it_is(tiny_checkpoint, capsys, fetched, tmp_path):
    arguments = ["evaluate", "--checkpoint", str(tiny_checkpoint), "--data-dir", str(tmp_path), "--json"]
    assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert fetched == [("test", tmp_path)]
    assert (said["split"], said["count"]) == ("test", 20)
    assert said["classes"]["truck"] == {"right": 0, "count": 0, "accuracy": None, "interval": None}


def test_the_test_set_that_was_asked_for_must_be_there(tiny_checkpoint, capsys, tmp_path):
    arguments = ["evaluate", "--checkpoint", str(tiny_checkpoint), "--split", "test", "--data-dir", str(tmp_path)]
    assert main(arguments) == 3
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "cbam data fetch" in errors


def test_a_network_of_other_classes_is_not_counted(tiny_classifier, capsys, tmp_path):
    from dataclasses import replace

    other = tmp_path / "other.safetensors"
    save_classifier(replace(tiny_classifier, classes=tuple("abcdefghij")), other)
    assert main(["evaluate", "--checkpoint", str(other), "--split", "samples"]) == 3
    assert "differ from those of the images" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", None])
def test_every_class_is_listed(tiny_checkpoint, capsys, option):
    main(["evaluate", "-c", str(tiny_checkpoint), "--split", "samples", *([option] if option else [])])
    said = capsys.readouterr().out
    assert all(name in said for name in CLASSES)


def test_the_table_says_interval_calibration_and_confusion(tiny_checkpoint, capsys):
    main(["evaluate", "-c", str(tiny_checkpoint), "--split", "samples"])
    said = capsys.readouterr().out
    assert "95 % confidence interval" in said
    assert "(Wilson), wide because there are few images" in said
    assert "expected calibration error" in said
    assert "(15 bins)" in said
    last = said.splitlines()[-10:]
    assert [line.split()[0] for line in last] == list(CLASSES)
    assert all(sum(0 if cell == "-" else int(cell) for cell in line.split()[1:]) == 10 for line in last)
    assert max(map(len, said.splitlines())) <= 100


def test_the_interval_of_the_test_set_is_not_called_wide(tiny_checkpoint, capsys, fetched):
    assert main(["evaluate", "-c", str(tiny_checkpoint)]) == 0
    said = capsys.readouterr().out
    assert "(Wilson)\n" in said
    assert "wide" not in said


@pytest.mark.parametrize("option", ["--json", None])
def test_answers_are_kept_beside_the_checkpoint(tiny_checkpoint, capsys, fetched, tmp_path, option):
    mine = tmp_path / "mine.safetensors"
    shutil.copy(tiny_checkpoint, mine)
    assert main(["evaluate", "-c", str(mine), "--keep", *([option] if option else [])]) == 0
    written = capsys.readouterr()
    assert str(tmp_path / "mine.evaluation.npz") in written.err
    kept = open_evaluation(mine)
    assert (kept.split, kept.total, kept.classes) == ("test", 20, CLASSES)
    if option:
        said = json.loads(written.out)
        assert {"checkpoint": "mine", "digest": kept.digest, "split": "test", **kept.as_dict()} == said


@pytest.mark.parametrize("named", [True, False])
def test_answers_of_a_shipped_network_are_kept_where_it_ships(tiny_checkpoint, fetched, tmp_path, monkeypatch, named):
    shutil.copy(tiny_checkpoint, tmp_path / "shipped.safetensors")
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    assert main(["evaluate", "--keep", *(["-c", "shipped"] if named else [])]) == 0
    assert open_evaluation(tmp_path / "shipped.safetensors").total == 20


def test_nothing_is_kept_unasked(tiny_checkpoint, fetched, tmp_path):
    mine = tmp_path / "mine.safetensors"
    shutil.copy(tiny_checkpoint, mine)
    assert main(["evaluate", "-c", str(mine)]) == 0
    assert list(tmp_path.iterdir()) == [mine]


def test_samples_are_not_kept(tiny_checkpoint, capsys):
    assert main(["evaluate", "-c", str(tiny_checkpoint), "--split", "samples", "--keep"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "--keep is for the test set" in errors


def test_keeping_needs_the_test_set(tiny_checkpoint, capsys):
    assert main(["evaluate", "-c", str(tiny_checkpoint), "--keep"]) == 3
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "cbam data fetch" in errors


def test_what_cannot_be_kept_is_shown_first(tiny_checkpoint, capsys, fetched, monkeypatch, tmp_path):
    from cbam_core.results import arrays

    def unwritable(path, write):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(arrays, "write_atomically", unwritable)
    assert main(["evaluate", "-c", str(tiny_checkpoint), "--keep"]) == 3
    written = capsys.readouterr()
    assert " of 20)" in written.out
    assert written.err.count("\n") == 1
    assert "the disk is full, so " in written.err
    assert "cannot be written: free some space, and do the same again" in written.err


def test_what_is_stated_of_the_network_that_is_taken_by_default_is_not_passed_over(capsys):
    assert main(["evaluate", "--split", "samples", "--classes", "a,b"]) == 3
    assert "2 classes are named, but the network has 10" in capsys.readouterr().err


def test_files_that_cannot_be_decoded_are_left_out_counted_and_named(tiny_checkpoint, capsys, tmp_path):
    for number in range(3):
        (tmp_path / "photos" / "cat").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (80 * number, 0, 0)).save(tmp_path / "photos" / "cat" / f"{number}.png")
    (tmp_path / "photos" / "cat" / "1.png").write_bytes(b"broken")
    assert main(["evaluate", "-c", str(tiny_checkpoint), "--set", str(tmp_path / "photos")]) == 1
    written = capsys.readouterr()
    assert "of 2)" in written.out.splitlines()[0]
    assert written.err.splitlines()[-1] == "cbam: 1 of 3 images left out, which cannot be decoded: cat/1.png"
