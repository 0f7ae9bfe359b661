"""``cbam score``: the receipt first, kept results at once, and work that goes on after Ctrl+C."""

import io
import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import jaxtyping
import pytest
from PIL import Image

from cbam_core.cli import main
from cbam_core.cli.scoring import Chosen
from cbam_core.evidence.answers import Collected
from cbam_core.results.score_file import score_path

FEW = ["--set", "samples", "--images", "12"]


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """A cache folder of its own; and shapes in signatures are not checked, because a batch grows inside modules."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """What the command prints the first time, and the cache folder, which then has the result."""
    cache, out, err = tmp_path_factory.mktemp("cache"), io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(jaxtyping.config, "jaxtyping_disable", True)
        patch.setenv("CBAM_DATA_DIR", str(cache))
        assert main(["score", "cbam_cnn_cifar10", *FEW]) == 0
    return cache, out.getvalue(), err.getvalue()


def test_a_scorecard_begins_with_its_receipt_and_is_kept(first, capsys, monkeypatch):
    cache, said, noted = first
    assert "saved " in noted
    assert noted.index("the controls of the receipt hold so far") < noted.index("saved ")
    assert said.index("Receipt") < said.index("6 of 6 gates replaced by themselves leave every bit of the output")
    assert said.index("every bit") < said.index("With the usual values in place of a gate") < said.index("own mean")
    assert "of these 12 images" in said or "for these 12 images" in said
    monkeypatch.setattr("cbam_core.evidence.scoring.Scoring.steps", None)  # from here on nothing is computed
    monkeypatch.setenv("CBAM_DATA_DIR", str(cache))
    assert main(["score", "cbam_cnn_cifar10", *FEW, "--json"]) == 0
    written = capsys.readouterr()
    assert written.err == ""
    found = json.loads(written.out)
    assert (found["checkpoint"], found["count"], found["receipt"]["holds"]) == ("cbam_cnn_cifar10", 12, True)
    gates = [f"cbam{number}.{kind}" for number in (1, 2, 3) for kind in ("channel", "spatial")]
    assert list(dict.fromkeys(row["gate"] for row in found["rows"])) == [*gates, "all.spatial", "all.channel", "all"]
    for row in found["rows"]:
        assert row.keys() >= {"gate", "edit", "accuracy", "newly_wrong", "newly_right", "changed"}
        right = round(found["accuracy"] * 0.12) - row["newly_wrong"] + row["newly_right"]
        assert row["accuracy"] == pytest.approx(100 * right / 12)
        assert row["changed"] >= row["newly_wrong"] + row["newly_right"]


def test_a_folder_with_some_of_the_classes_is_labelled_as_the_network_answers(tmp_path):
    for number, name in enumerate(("owl", "cat", "cat")):
        (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / name / f"{number}.png")
    classes = ("ant", "cat", "owl")
    dataset, whole = Chosen(source=str(tmp_path / "photos")).open(None, classes)
    assert (dataset.classes, dataset.known_labels.tolist(), whole) == (classes, [1, 1, 2], True)


def test_what_was_stopped_goes_on_from_there(first, capsys, monkeypatch, tmp_path):
    take_in = Collected.take_in

    def stop(collected, found):
        if collected.count == 8:
            raise KeyboardInterrupt
        take_in(collected, found)

    command = ["score", "cbam_cnn_cifar10", *FEW, "--json"]
    with monkeypatch.context() as patch:
        patch.setattr(Collected, "take_in", stop)
        assert main(command) == 130
    assert "stopped after 8 images; the same command goes on from there" in capsys.readouterr().err
    (state,) = (tmp_path / "cache" / "scores").iterdir()
    assert main(command) == 0
    stopped = capsys.readouterr()
    assert "going on after 8 images" in stopped.err
    assert not state.exists()
    monkeypatch.setenv("CBAM_DATA_DIR", str(first[0]))
    assert main(command) == 0
    whole = capsys.readouterr()
    assert whole.err == ""
    assert json.loads(whole.out) == json.loads(stopped.out)


def test_where_there_is_no_terminal_lines_say_how_far_it_is_and_again_if_asked(capsys, monkeypatch):
    monkeypatch.setattr("cbam_core.cli.output.LINE_EVERY", 0.0)
    command = ["score", "cbam_cnn_cifar10", "--set", "samples", "--images", "4", "--json"]
    assert main(command) == 0
    written = capsys.readouterr()
    lines = [line for line in written.err.splitlines() if line.startswith("cbam: scoring: ")]
    assert re.fullmatch(r"cbam: scoring: 100 % after \d+ s(, about \d+ s left)?", lines[-1])
    begun = "cbam: replacing every gate in several ways, over 4 images; Ctrl+C stops"
    assert written.err.splitlines()[0] == begun
    shares = [int(line.split()[2]) for line in lines]
    assert shares == sorted(shares)
    assert json.loads(written.out)["count"] == 4
    assert main(command) == 0
    assert "scoring: " not in capsys.readouterr().err
    assert main([*command, "--again"]) == 0
    again = capsys.readouterr()
    assert "scoring: 100 %" in again.err
    assert "going on" not in again.err
    assert again.out == written.out


def test_without_a_receipt_there_is_no_table(tiny_checkpoint, capsys):
    assert main(["score", str(tiny_checkpoint), "--set", "samples", "--images", "8"]) == 0
    said = capsys.readouterr().out
    assert "the receipt does not hold, so that the table would say nothing and is not shown" in said
    assert "even with all gates 0, neither accuracy nor loss changes with certainty" in said
    assert "usual values in place" not in said


def test_a_file_of_twins_is_named_in_the_rows_of_groups(capsys, tmp_path):
    assert main(["score", "cbam_cnn_cifar10", "--twins", str(tmp_path / "none.json")]) == 3
    assert "does not hold runs of twins (No such file or directory)" in capsys.readouterr().err


def test_the_network_is_named_as_for_other_commands(capsys):
    assert main(["score", "--model", "cbam_cnn_cifar10"]) == 0
    assert "cbam_cnn_cifar10 on 10,000 images" in capsys.readouterr().out


def test_files_that_cannot_be_decoded_are_left_out_and_the_kept_result_names_them(
    tiny_checkpoint, capsys, monkeypatch, tmp_path
):
    checkpoint = shutil.copy(tiny_checkpoint, tmp_path)
    for number in range(4):
        (tmp_path / "photos" / "cat").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (60 * number, 0, 0)).save(tmp_path / "photos" / "cat" / f"{number}.png")
    (tmp_path / "photos" / "cat" / "2.png").write_bytes(b"broken")
    arguments = ["score", str(checkpoint), "--set", str(tmp_path / "photos"), "--json"]
    assert main(arguments) == 1
    written = capsys.readouterr()
    said = "cbam: 1 of 4 images left out, which cannot be decoded: cat/2.png"
    assert (json.loads(written.out)["count"], json.loads(written.out)["left_out"]) == (3, ["cat/2.png"])
    assert written.err.splitlines()[-1] == said
    assert "over these 3 images: the receipt will not hold" in written.err
    monkeypatch.setattr("cbam_core.evidence.scoring.Scoring.steps", None)  # from here on nothing is computed
    assert main(arguments) == 1
    assert capsys.readouterr().err.splitlines() == [said]


def test_a_scorecard_over_other_images_does_not_replace_the_one_beside_the_network(tiny_checkpoint, capsys, tmp_path):
    checkpoint = shutil.copy(tiny_checkpoint, tmp_path)
    for number in range(6):
        for folder in ("one", "other"):
            (tmp_path / folder / "cat").mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 32), (40 * number, len(folder), 0)).save(tmp_path / folder / "cat" / f"{number}.png")
    assert main(["score", str(checkpoint), "--set", str(tmp_path / "one")]) == 0
    beside = score_path(Path(checkpoint))
    assert f"saved {beside}" in capsys.readouterr().err
    before = beside.read_bytes()
    assert main(["score", str(checkpoint), "--set", str(tmp_path / "other")]) == 0
    said = capsys.readouterr().err
    assert f"cbam: {beside} has the scorecard over one, and is not replaced by that over other\n" in said
    assert f"saved {tmp_path / 'cache'}" in said
    assert beside.read_bytes() == before
