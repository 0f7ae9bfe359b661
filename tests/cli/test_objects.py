"""``cbam objects``: four tests of masks, for images or a set."""

import json

from cbam_core.cli import main, objects
from cbam_core.cli.failures import SOME_FAILED
from cbam_core.results.objects import TESTS


def test_every_test_has_a_heading_in_the_order_of_the_tests():
    assert tuple(objects.HEADINGS) == TESTS


def test_one_image_is_tested_and_what_is_left_out_is_said(capsys, picture_file):
    assert main(["objects", str(picture_file), "--tests", "shift,tiles"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "cbam_cnn_cifar10 on 1 image"
    assert said.index("does the mask follow?") < said.index("cbam1.spatial") < said.index("left out: cbam_cnn_cifar10")
    assert "does not take images of 64×64 pixels" in said
    assert "only the difference of the two correlations counts" in said


def test_a_set_gives_intervals_as_json(capsys):
    settings = ["--images", "4", "--tests", "shift,randomised", "--fill", "edge", "--json"]
    assert main(["objects", "--set", "samples", *settings]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["checkpoint"], found["images"], found["count"]) == ("cbam_cnn_cifar10", "cifar10:samples", 4)
    row = found["shift"]["rows"][0]
    assert (row["gate"], row["pixels"], found["shift"]["fill"]) == ("cbam1.spatial", 8, "edge")
    assert row["followed"]["low"] <= row["followed"]["mean"] <= row["followed"]["high"]
    assert found["deletion"] is found["tiles"] is None
    assert 0 <= found["randomised"]["rows"][0]["both"]["size"]["mean"] <= 1


def test_images_without_labels_are_a_set_too(capsys, picture_file):
    assert main(["objects", "--set", str(picture_file.parent), "--tests", "shift"]) == 0
    assert "on 1 image" in capsys.readouterr().out


def test_images_of_a_folder_that_cannot_be_decoded_are_named_and_left_out(capsys, picture_file):
    (picture_file.parent / "a.png").write_bytes(b"not an image")
    assert main(["objects", "--set", str(picture_file.parent), "--tests", "shift"]) == SOME_FAILED
    written = capsys.readouterr()
    assert "on 1 image" in written.out
    assert "1 of 2 images left out, which cannot be decoded: a.png" in written.err
    picture_file.unlink()
    assert main(["objects", "--set", str(picture_file.parent), "--tests", "shift"]) == 3
    assert "cannot be read, so there is nothing to show the network" in capsys.readouterr().err


def test_a_folder_and_a_network_in_the_place_of_an_image_are_told_their_options(capsys, picture_file):
    assert main(["objects", str(picture_file.parent)]) == 3
    assert f"is a folder; name it as --set {picture_file.parent}" in capsys.readouterr().err
    assert main(["objects", "cbam_resnet_cifar10", str(picture_file)]) == 3
    assert "name it as --model cbam_resnet_cifar10" in capsys.readouterr().err


def test_wrong_words_are_said_in_one_line(capsys, picture_file):
    assert main(["objects", str(picture_file), "--set", "samples"]) == 2
    assert "not both" in capsys.readouterr().err
    assert main(["objects", str(picture_file), "--tests", "shape"]) == 3
    assert "unknown test 'shape'" in capsys.readouterr().err
    assert main(["objects", str(picture_file), "--pixels", "40"]) == 3
    assert "can be moved by 1 to 16 pixels" in capsys.readouterr().err
