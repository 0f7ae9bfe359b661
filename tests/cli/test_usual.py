"""``cbam usual``, and what ``cbam info`` says of it."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cbam_core import explain, load_classifier
from cbam_core.cli import main
from cbam_core.cli.usual import describe_usual, show_usual
from cbam_core.data.samples import sample_sheet
from cbam_core.network import save_classifier
from cbam_core.nn import CBAM_CNN
from cbam_core.results.usual import read_usual, write_usual


@pytest.fixture
def checkpoint(tiny_checkpoint, tmp_path):
    return shutil.copy(tiny_checkpoint, tmp_path / "net.safetensors")


@pytest.fixture(scope="module")
def first(tiny_checkpoint, tmp_path_factory):
    """A folder in which the command was run on a network, and what it printed; copied before it is changed."""
    folder, out, err = tmp_path_factory.mktemp("usual"), io.StringIO(), io.StringIO()
    checkpoint = shutil.copy(tiny_checkpoint, folder / "net.safetensors")
    with redirect_stdout(out), redirect_stderr(err):
        assert main(["usual", str(checkpoint), "--set", "samples"]) == 0
    return folder, out.getvalue(), err.getvalue()


@pytest.fixture
def known(first, tmp_path):
    """A network of the test's own whose usual gates are known."""
    shutil.copytree(first[0], tmp_path, dirs_exist_ok=True)
    return tmp_path / "net.safetensors"


def test_usual_gates_are_kept_beside_the_checkpoint_and_known_from_then_on(first):
    folder, out, err = first
    assert "net on 100 images (cifar10:samples)" in out
    assert f"saved {folder / 'net.usual.npz'}" in err
    usual = read_usual(folder / "net.usual.npz")
    for gate in usual.gates:
        assert gate.name in out
    classifier = load_classifier(folder / "net.safetensors")
    assert classifier.usual.count == 100
    gates = [gate for block in explain(classifier, sample_sheet().images[0]).blocks for gate in block.gates]
    assert [gate.usual for gate in gates] == list(classifier.usual.gates)
    assert all(gate.against_usual is not None for gate in gates)


def test_kept_values_are_shown_at_once_and_computed_again_on_request(first, known, tmp_path, capsys, monkeypatch):
    kept, checkpoint, printed = tmp_path / "net.usual.npz", known, first[1]
    written = kept.stat().st_mtime_ns
    with monkeypatch.context() as forbidden:
        forbidden.setattr("cbam_core.evaluation.usual_gates.usual_gates", None)
        for images in ([], ["--images", "samples"]):
            assert main(["usual", "--checkpoint", str(checkpoint), *images]) == 0
            said = capsys.readouterr()
            assert said.out == printed
            assert said.err == "cbam: these were kept; --again computes them again\n"
        assert main(["usual", "--checkpoint", str(checkpoint), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["usual"] == {"images": "cifar10:samples", "count": 100}
    assert kept.stat().st_mtime_ns == written
    assert main(["usual", "--checkpoint", str(checkpoint), "--images", "samples", "--again"]) == 0
    said = capsys.readouterr()
    assert f"saved {kept}" in said.err
    assert said.out == printed
    assert kept.stat().st_mtime_ns > written


def test_other_images_than_those_of_the_kept_values_are_looked_at(known, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for number, pixels in enumerate(sample_sheet().images[:3]):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    assert main(["usual", "--checkpoint", str(known), "--images", str(tmp_path / "photos")]) == 0
    assert "net on 3 images (photos)" in capsys.readouterr().out
    assert read_usual(tmp_path / "net.usual.npz").count == 3


def test_the_values_that_ship_need_no_images(capsys):
    assert main(["usual"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("cbam_cnn_cifar10 on 50,000 images (cifar10:train)")
    assert "--again computes them again" in said.err


def test_images_that_cannot_be_read_are_named_and_left_out(checkpoint, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for number, pixels in enumerate(sample_sheet().images[:3]):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "bad.png").write_bytes(b"no picture")
    assert main(["usual", "--checkpoint", str(checkpoint), "--images", str(tmp_path / "photos")]) == 1
    assert "bad.png" in capsys.readouterr().err
    assert read_usual(tmp_path / "net.usual.npz").count == 3


def test_json_of_both_commands_gives_shares_that_add_up_to_one(checkpoint, capsys):
    assert main(["usual", "--checkpoint", str(checkpoint), "--images", "samples", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert main(["info", str(checkpoint), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gates"] == said["gates"]
    for gate in said["gates"]:
        assert gate.keys() == {"name", "kind", "mean", "fixed", "gain", "pattern", "sentence"}
        assert gate["fixed"] + gate["gain"] + gate["pattern"] == pytest.approx(1)


def test_info_says_what_the_images_were(tiny_checkpoint, known, capsys):
    main(["info", str(tiny_checkpoint)])
    assert "Gates, over" not in capsys.readouterr().out
    main(["info", str(known)])
    assert "\n\nGates, over 100 images (cifar10:samples)\n" in capsys.readouterr().out


def test_a_folder_of_images_is_a_reference_set(checkpoint, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for place, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), dtype=np.uint8)):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{place}.png")
    assert main(["usual", "--checkpoint", str(checkpoint), "--images", str(tmp_path / "photos")]) == 0
    assert "net on 3 images (photos)" in capsys.readouterr().out


def test_a_file_that_is_no_image_is_named_and_nothing_is_kept(checkpoint, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "b.png").write_text("no image")
    assert main(["usual", "--checkpoint", str(checkpoint), "--images", str(tmp_path / "photos")]) == 3
    assert f"cbam: {tmp_path / 'photos' / 'b.png'}: this file is not an image" in capsys.readouterr().err
    assert not (tmp_path / "net.usual.npz").exists()


def test_one_image_does_not_show_what_is_usual(checkpoint, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "photos" / "a.png")
    assert main(["usual", "--checkpoint", str(checkpoint), "--images", str(tmp_path / "photos")]) == 3
    assert "one image does not show what is usual; name a set with several" in capsys.readouterr().err


def test_gates_that_were_not_finite_are_named(checkpoint, capsys):
    assert main(["usual", "--checkpoint", str(checkpoint), "--images", "samples"]) == 0
    known = replace(load_classifier(checkpoint).usual, not_finite=("cbam1.channel", "cbam4.spatial"))
    said = "no usual values, because not finite for every image: cbam1.channel, cbam4.spatial\n"
    for usual, table in ((known, True), (replace(known, gates=()), False)):
        capsys.readouterr()
        show_usual(usual)
        written = capsys.readouterr().out
        assert written.endswith(said)
        assert ("gain" in written) == table
        assert describe_usual(usual)["not_finite"] == ["cbam1.channel", "cbam4.spatial"]


def test_a_network_without_gates_has_no_table_of_them(tmp_path, capsys):
    source = load_classifier("cbam_cnn_cifar10")
    model = CBAM_CNN(gates="none").eval()
    arguments = {"num_classes": 10, "gates": "none"}
    path = tmp_path / "none.safetensors"
    save_classifier(replace(source, model=model, arguments=arguments), path)
    assert main(["usual", "--checkpoint", str(path), "--images", "samples"]) == 0
    title, reason = capsys.readouterr().out.splitlines()
    assert title == "none on 100 images (cifar10:samples)"
    assert reason == "no gate has usual values: the network has no gates, or none that was finite for every image"
    assert main(["info", str(path)]) == 0
    assert "Gates, over" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense"])
def test_a_damaged_file_beside_a_checkpoint_is_left_out_with_a_warning(checkpoint, tmp_path, caplog, content):
    (tmp_path / "net.usual.npz").write_bytes(content)
    assert load_classifier(checkpoint).usual is None
    assert "does not hold the usual gates of a network" in caplog.text


def test_a_file_of_other_weights_is_left_out_with_a_warning(known, tmp_path, caplog):
    usual = read_usual(tmp_path / "net.usual.npz")
    write_usual(replace(usual, digest="0" * 64), tmp_path / "net.usual.npz")
    assert load_classifier(known).usual is None
    assert "belongs to other weights" in caplog.text


def test_a_checkpoint_whose_name_is_nearly_too_long_for_the_file_system_still_loads(checkpoint, tmp_path):
    renamed = checkpoint.rename(tmp_path / f"{'n' * 250}.pth")
    assert load_classifier(renamed).usual is None


def test_a_folder_that_cannot_be_written_is_one_sentence_beside_the_results(checkpoint, tmp_path, capsys):
    (tmp_path / "net.usual.npz").mkdir()
    assert main(["usual", "--checkpoint", str(checkpoint), "--images", "samples"]) == 3
    written = capsys.readouterr()
    assert "cannot write" in written.err
    assert "net on 100 images" in written.out


@pytest.mark.parametrize(("first", "then"), [((), ("a,b,c,d,e,f,g,h,i,j",)), (("a,b,c,d,e,f,g,h,i,j",), ())])
def test_what_is_usual_stays_known_under_other_class_names(checkpoint, tmp_path, capsys, caplog, first, then):
    def command(verb, names, *rest):
        return [verb, "--checkpoint", str(checkpoint), *(part for one in names for part in ("--classes", one)), *rest]

    assert main(command("usual", first, "--images", "samples")) == 0
    image = tmp_path / "image.png"
    Image.fromarray(sample_sheet().images[0]).save(image)
    assert main(command("explain", then, str(image), "--out", str(tmp_path / "out"), "--reading", "usual")) == 0
    assert "not known what is usual" not in capsys.readouterr().err
    assert "other weights" not in caplog.text
    assert load_classifier(checkpoint).usual.count == 100
    assert load_classifier(checkpoint, normalisation="half").usual is None
