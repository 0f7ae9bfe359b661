"""``cbam evaluate``: how many test images a network gets right."""

import json

import numpy as np
import pytest

from cbam_core.classifier import save_classifier
from cbam_core.cli import main
from cbam_core.data import cifar10
from cbam_core.data.cifar10 import CLASSES, LabelledImages
from cbam_core.data.samples import sample_sheet


def test_without_the_test_set_the_sheet_is_counted_and_that_is_said(tiny_checkpoint, capsys):
    assert main(["evaluate", "--checkpoint", str(tiny_checkpoint)]) == 0
    written = capsys.readouterr()
    assert "only the 100 bundled images" in written.err
    assert "cbam data fetch" in written.err
    assert "sample sheet, which is not the test set" in written.out
    assert " of 100)" in written.out


def test_the_sheet_that_was_asked_for_needs_no_remark(tiny_checkpoint, capsys):
    assert main(["evaluate", "--checkpoint", str(tiny_checkpoint), "--split", "samples"]) == 0
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


def test_the_test_set_is_counted_where_it_is(tiny_checkpoint, capsys, monkeypatch, tmp_path):
    sheet = sample_sheet()
    asked = []

    def open_split(split, folder):
        asked.append((split, folder))
        return LabelledImages(sheet.images[:20], sheet.labels[:20])

    monkeypatch.setattr(cifar10, "is_fetched", lambda folder: folder == tmp_path)
    monkeypatch.setattr(cifar10, "open_split", open_split)
    arguments = ["evaluate", "--checkpoint", str(tiny_checkpoint), "--data-dir", str(tmp_path), "--json"]
    assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert asked == [("test", tmp_path)]
    assert (said["split"], said["count"]) == ("test", 20)
    assert said["classes"]["truck"] == {"right": 0, "count": 0, "accuracy": None}


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
    assert "other classes" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", None])
def test_every_class_is_listed(tiny_checkpoint, capsys, option):
    main(["evaluate", "-c", str(tiny_checkpoint), "--split", "samples", *([option] if option else [])])
    said = capsys.readouterr().out
    assert all(name in said for name in CLASSES)
