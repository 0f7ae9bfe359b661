"""``cbam explain`` goes on where it was: what is complete and made alike is not made again."""

import json
import signal

import pytest
from PIL import Image

from cbam_core.cli import main
from tests.cli.explained import left_out, shades


def test_resuming_skips_what_is_complete_and_made_alike(explained, photos):
    explained(photos)
    _, out, said, errors = explained(photos, "--resume")
    assert (said, errors) == ("", f"{left_out(photos)}cbam: 4 of 4 images were complete and were skipped\n")
    (out / "a" / "values.npz").unlink()
    (out / "cat" / "a" / "manifest.json").write_text("{}")
    Image.new("RGB", (40, 40), (10, 10, 10)).save(photos / "dog" / "b.WebP")
    _, _, said, errors = explained(photos, "--resume")
    assert errors == f"{left_out(photos)}cbam: 1 of 4 images were complete and were skipped\n"
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
    assert errors == f"{left_out(photos)}cbam: 2 of 4 images are done; --resume continues with the others\n"
    assert len(shades(tmp_path / "out")) == 2
    assert len(list((tmp_path / "out").rglob("manifest.json"))) == 2
    assert not list((tmp_path / "out").rglob("*.part"))
    assert main([*arguments, "--resume"]) == 0
    assert len(shades(tmp_path / "out")) == 4
