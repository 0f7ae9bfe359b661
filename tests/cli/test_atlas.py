"""``cbam atlas``: building, and what it tells of an atlas without torch."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cbam_core import open_atlas
from cbam_core.atlas import planning
from cbam_core.atlas.preparing import is_prepared
from cbam_core.atlas.regions import UNITS, method_and_line_as_text
from cbam_core.cli import main
from cbam_core.cli.atlas import default_folder
from cbam_core.data.corruption import corrupted
from cbam_core.data.dataset import samples, thinned
from cbam_core.data.samples import sample_sheet


@pytest.fixture(scope="module")
def folder(tiny_checkpoint, tmp_path_factory):
    """An atlas of the bundled images, as the command builds it; shared, so never changed by a test."""
    place = tmp_path_factory.mktemp("atlas") / "tiny"
    assert main(["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(place)]) == 0
    return place


def test_an_atlas_is_built_where_it_is_asked_for(tiny_checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CBAM_ATLASES", str(tmp_path))
    command = ["atlas", "build", "--model", str(tiny_checkpoint), "--set", "samples", "--images", "20"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert said.startswith("tiny on 20 images of cifar10:samples, accuracy ")
    assert "6 gates with 560 values an image" in said
    atlas = open_atlas(tmp_path / "tiny-cifar10-samples-20")
    assert list(atlas.ids)[:3] == ["cifar10:samples/0", "cifar10:samples/5", "cifar10:samples/10"]
    assert sorted(atlas.labels.tolist()) == sorted([*range(10)] * 2)
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 20
    assert is_prepared(atlas)  # nobody who opens the page waits for the nearest images


def test_another_atlas_in_the_folder_is_kept_unless_it_is_to_be_replaced(tiny_checkpoint, folder, tmp_path, capsys):
    place = tmp_path / "copy"
    shutil.copytree(folder, place)
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--images", "10", "--out", str(place)]
    assert main(command) == 3
    assert "holds an atlas of other images, cifar10:samples" in capsys.readouterr().err
    assert main([*command, "--again"]) == 0
    assert len(open_atlas(place)) == 10


def test_images_that_cannot_be_decoded_are_named(tiny_checkpoint, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, pixels in enumerate(sample_sheet().images[:3]):
        Image.fromarray(pixels).save(photos / f"{number}.png")
    (photos / "bad.png").write_bytes(b"no picture")
    place = tmp_path / "atlas"
    assert main(["atlas", "build", str(tiny_checkpoint), "--set", str(photos), "--out", str(place)]) == 1
    assert "bad.png cannot be decoded; it is left out" in capsys.readouterr().err
    assert main(["atlas", "info", str(place), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["unreadable"] == ["bad.png"]
    assert said["accuracy"] is None


def test_metadata_are_joined_by_id(tiny_checkpoint, folder, tmp_path, capsys):
    place = tmp_path / "copy"
    shutil.copytree(folder, place)
    table = tmp_path / "cameras.csv"
    table.write_text("id,camera\ncifar10:samples/3,old\nelsewhere,new\n", encoding="utf-8")
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(place), "--metadata"]
    assert main([*command, str(table)]) == 0
    assert "1 of 100 images have a row" in capsys.readouterr().err
    assert open_atlas(place).select({"camera": "old"}).tolist() == [3]
    table.write_text("id,camera\nelsewhere,new\n", encoding="utf-8")
    assert main([*command, str(table)]) == 3
    assert "must have names such as 'cifar10:samples/0'" in capsys.readouterr().err
    table.write_text("id,camera,class\ncifar10:samples/3,old,mine\n", encoding="utf-8")
    assert main([*command, str(table)]) == 0
    assert "conditions on class are on what the atlas itself knows" in capsys.readouterr().err


def test_metadata_that_cannot_be_read_are_refused_before_the_atlas_is_built(tiny_checkpoint, tmp_path, capsys):
    table = tmp_path / "cameras.csv"
    table.write_text("id,camera\nx,old,new\n", encoding="utf-8")
    out = tmp_path / "atlas"
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(out)]
    assert main([*command, "--metadata", str(table)]) == 3
    assert "row 2" in capsys.readouterr().err
    assert not out.exists()


def test_info_says_what_an_atlas_holds(folder, capsys):
    assert main(["atlas", "info", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "tiny on 100 images of cifar10:samples" in said
    assert "cbam1.spatial: spatial, 16 x 16" in said


def test_info_lists_atlases_by_name_also_unfinished_and_damaged_ones(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CBAM_ATLASES", str(tmp_path))
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path / "nets"))
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path / "cache"))
    for name in ("one", "two", "three"):
        shutil.copytree(folder, tmp_path / name)
    (tmp_path / "two" / "tables.npz").unlink()
    (tmp_path / "three" / "atlas.json").write_text("{}")
    assert main(["atlas", "info"]) == 0
    said = capsys.readouterr()
    assert f"{tmp_path / 'one'}: tiny on 100 images of cifar10:samples\n" in said.out
    assert f"{tmp_path / 'two'}: tiny on 100 images of cifar10:samples, not finished\n" in said.out
    assert "does not describe an atlas" in said.err
    assert main(["atlas", "info", "--json"]) == 0
    assert [one["finished"] for one in json.loads(capsys.readouterr().out)] == [True, False]
    assert main(["atlas", "info", "one"]) == 0
    assert main(["atlas", "info", "two"]) == 3
    assert "is not finished" in capsys.readouterr().err
    assert main(["atlas", "info", "four"]) == 3
    assert "there is no atlas four; those that were built or ship are one, " in capsys.readouterr().err
    assert main(["atlas", "info", "./four"]) == 3
    assert "there is no atlas in four" in capsys.readouterr().err


def test_an_atlas_that_was_built_from_a_page_is_found_by_name_too(folder, tmp_path, capsys, monkeypatch):
    for name, place in (("ATLASES", "none"), ("CHECKPOINT_DIR", "nets"), ("DATA_DIR", "cache")):
        monkeypatch.setenv(f"CBAM_{name}", str(tmp_path / place))
    shutil.copytree(folder, tmp_path / "cache" / "atlases" / "from-a-page")
    assert main(["atlas", "info"]) == 0
    assert f"{tmp_path / 'cache' / 'atlases' / 'from-a-page'}: tiny on 100 images" in capsys.readouterr().out
    assert main(["atlas", "export", "from-a-page", "--no-gates", "--out", str(tmp_path / "all.csv")]) == 0


def test_top_is_what_the_library_answers(folder, capsys):
    atlas = open_atlas(folder)
    command = ["atlas", "top", str(folder), "cbam3.channel", "17", "-n", "3", "--json"]
    assert main(command) == 0
    said = json.loads(capsys.readouterr().out)
    found = atlas.top("cbam3.channel", 17, 3)
    assert said["column"] == "cbam3.channel[17]"
    assert [row["image"] for row in said["images"]] == found.images.tolist()
    assert [row["value"] for row in said["images"]] == pytest.approx(found.values.tolist(), abs=1e-5)
    assert main([*command, "--lowest", "--where", "class=cat", "--where", "class=dog"]) == 0
    said = json.loads(capsys.readouterr().out)
    lowest = atlas.top("cbam3.channel", 17, 3, {"class": ["cat", "dog"]}, lowest=True)
    assert said["of"] == 20
    assert [row["image"] for row in said["images"]] == lowest.images.tolist()


def test_top_of_a_cell_is_a_table(folder, capsys):
    assert main(["atlas", "top", str(folder), "cbam1.spatial", "3,5", "-n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "cbam1.spatial[3,5]: highest of 100 images"
    assert lines[1].split() == ["value", "image", "class", "answer"]
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["cbam3.channel", "x"], 2, "'x' is not a number such as 17"),
        (["cbam3.channel", "999"], 3, "cbam3.channel has no value 999"),
        (["cbam9.channel", "1"], 3, "unknown gate 'cbam9.channel'"),
        (["cbam3.channel", "1", "--where", "cat"], 2, "not a condition such as class=cat"),
        (["cbam3.channel", "1", "--where", "right=maybe"], 2, "neither right=yes nor right=no"),
        (["cbam3.channel", "1", "--where", "right=no", "--where", "right=yes"], 2, "two conditions for right"),
        (["cbam3.channel", "1", "--where", "confidence=high"], 2, "not a number or a range"),
        (["cbam3.channel", "1", "--where", "confidence=1..0"], 2, "holds no number; the lower end comes first"),
        (["cbam3.channel", "1", "--where", "confidence=nan"], 2, "holds no number"),
        (["cbam3.channel", "1", "--where", "camera=old"], 3, "unknown column 'camera'"),
    ],
)
def test_questions_that_cannot_be_answered_are_said(folder, capsys, words, status, said):
    assert main(["atlas", "top", str(folder), *words]) == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["right=no"], {"right": False}),
        (["confidence=0.2..1"], {"confidence": (0.2, 1.0)}),
        (["confidence=..0.2"], {"confidence": (float("-inf"), 0.2)}),
        (["answer=cat", "class=dog"], {"answer": "cat", "class": "dog"}),
        (["speed=3", "speed=5"], {"speed": [3.0, 5.0]}),
        (["speed=3..5"], {"speed": (3.0, 5.0)}),
        (["camera=3"], {"camera": "3"}),
        ([], None),
    ],
)
def test_conditions_are_those_of_the_library(folder, words, where):
    from dataclasses import replace

    from cbam_core.atlas.atlas import Atlas
    from cbam_core.cli.conditions import read_conditions

    columns = {"speed": np.arange(100), "camera": np.array(["3"] * 100)}
    atlas = Atlas(replace(open_atlas(folder).contents, metadata=columns))
    assert read_conditions(atlas, words) == where


def test_check_says_that_an_atlas_is_whole_or_what_is_damaged_and_what_to_do(folder, tmp_path, capsys):
    place = shutil.copytree(folder, tmp_path / "copy")
    assert main(["atlas", "check", str(place)]) == 0
    whole = f"{place}: 1 shard with 100 images are whole, and all rows and tables are what they give\n"
    assert capsys.readouterr().out == whole
    content = bytearray((place / "gates.f16").read_bytes())
    content[38 * 560 * 2] ^= 1
    (place / "gates.f16").write_bytes(content)
    assert main(["atlas", "check", str(place)]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "gates.f16 differs from the shards in 1 of its rows, the first of image 38; delete it, and" in said.err
    assert main(["atlas", "check", str(place), "--json"]) == 3
    (found,) = json.loads(capsys.readouterr().out)["damaged"]
    assert found["code"] == "atlas.differs-from-shards"
    assert main(["atlas", "check", str(tmp_path / "nowhere")]) == 3


def test_map_says_how_well_it_keeps_neighbours(folder, capsys):
    assert main(["atlas", "map", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["points"]) == 100
    assert 0 <= said["kept"] <= 1
    assert main(["atlas", "map", str(folder)]) == 0
    assert "of the 10 nearest images in gates" in capsys.readouterr().out


def test_a_map_by_tsne_is_kept_for_the_app(folder, tmp_path, capsys):
    pytest.importorskip("openTSNE")
    place = tmp_path / "copy"
    shutil.copytree(folder, place)
    assert main(["atlas", "map", str(place), "--tsne"]) == 0
    assert "tsne: " in capsys.readouterr().out
    assert open_atlas(place).map("tsne").points.shape == (100, 2)


def test_a_slice_is_exported_as_csv(folder, tmp_path, capsys):
    out = tmp_path / "slice.csv"
    words = ["--where", "class=cat", "--out", str(out)]
    assert main(["atlas", "export", str(folder), *words]) == 0
    assert "10 images" in capsys.readouterr().err
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    atlas = open_atlas(folder)
    chosen = atlas.select({"class": "cat"})
    assert [row["id"] for row in rows] == [atlas.ids[number] for number in chosen.tolist()]
    assert {row["label"] for row in rows} == {"cat"}
    assert len(rows[0]) == 5 + 560
    values = np.array([float(row["cbam3.channel[17]"]) for row in rows], np.float16)
    np.testing.assert_array_equal(values, atlas.values("cbam3.channel")[chosen, 17])


def test_a_slice_is_exported_as_parquet(folder, tmp_path):
    out = tmp_path / "all.parquet"
    assert main(["atlas", "export", str(folder), "--out", str(tmp_path / "few.parquet"), "--no-gates"]) == 0
    assert pq.read_table(tmp_path / "few.parquet").num_columns == 5
    assert main(["atlas", "export", str(folder), "--out", str(out)]) == 0
    table = pq.read_table(out)
    atlas = open_atlas(folder)
    assert table.num_rows == 100
    assert table.column_names[:5] == ["index", "id", "label", "answer", "confidence"]
    np.testing.assert_array_equal(
        table["cbam1.spatial[3,5]"].to_numpy(), np.asarray(atlas.values("cbam1.spatial")[:, 3, 5])
    )


def test_a_slice_that_was_drawn_on_the_map_is_exported(folder, tmp_path, capsys):
    atlas = open_atlas(folder)
    line = method_and_line_as_text("pca", (2048, 0, UNITS, 0, UNITS, UNITS, 2048, UNITS))
    inside = atlas.select({"inside": line, "right": False})
    assert 0 < len(inside) < len(atlas.select({"right": False}))
    words = ["--where", f"inside={line}", "--where", "right=no", "--no-gates", "--out", str(tmp_path / "drawn.csv")]
    assert main(["atlas", "export", str(folder), *words]) == 0
    with (tmp_path / "drawn.csv").open(newline="") as file:
        assert [int(row["index"]) for row in csv.DictReader(file)] == inside.tolist()
    capsys.readouterr()
    ranked = ["atlas", "top", str(folder), "cbam3.channel", "17", "--json", "--where", f"inside={line}"]
    assert main([*ranked, "--where", "right=no"]) == 0
    assert json.loads(capsys.readouterr().out)["of"] == len(inside)
    assert main([*ranked, "--where", "inside=left"]) == 3
    assert "the condition for inside has to be a line as the page's address has it" in capsys.readouterr().err


def test_a_file_that_was_exported_is_a_slice(folder, tmp_path, capsys):
    atlas, file = open_atlas(folder), tmp_path / "wrong.csv"
    assert main(["atlas", "export", str(folder), "--where", "right=no", "--no-gates", "--out", str(file)]) == 0
    capsys.readouterr()
    words = ["--only", str(file), "--where", "class=cat", "--where", "class=dog", "--json"]
    assert main(["atlas", "top", str(folder), "cbam3.channel", "17", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    found = atlas.top("cbam3.channel", 17, where={"right": False, "class": ["cat", "dog"]})
    assert said["of"] == found.count > 0
    assert [row["image"] for row in said["images"]] == found.images.tolist()
    assert main(["atlas", "export", str(folder), "--only", str(file), "--out", str(tmp_path / "again.csv")]) == 0
    assert f"saved {tmp_path / 'again.csv'}: {len(atlas.select({'right': False}))} images" in capsys.readouterr().err
    file.write_text("cifar10:samples/999\n", encoding="utf-8")
    assert main(["atlas", "top", str(folder), "cbam3.channel", "17", "--only", str(file)]) == 3
    assert "lists 'cifar10:samples/999', which is neither" in capsys.readouterr().err


def test_an_export_of_another_kind_is_refused(folder, tmp_path, capsys):
    assert main(["atlas", "export", str(folder), "--out", str(tmp_path / "slice.xls")]) == 2
    assert "does not end with .csv or .parquet" in capsys.readouterr().err


def test_asking_needs_no_torch(folder):
    program = (
        "import sys; from cbam_core.cli import main\n"
        f"main(['atlas', 'top', {str(folder)!r}, 'cbam3.channel', '17'])\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "False", done.stderr


def test_an_interrupted_build_says_how_to_go_on(tiny_checkpoint, tmp_path, capsys, monkeypatch):
    from cbam_core.atlas import building

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "compute_part", stop)
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(tmp_path / "atlas")]
    assert main(command) == 130
    assert "run the same command again to go on" in capsys.readouterr().err


def test_an_interrupt_while_the_nearest_are_found_says_that_the_atlas_is_finished(
    tiny_checkpoint, tmp_path, capsys, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    place = tmp_path / "atlas"
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(place)]
    with monkeypatch.context() as broken:
        broken.setattr("cbam_core.atlas.preparing.nearest_of", stop)
        assert main(command) == 130
    assert f"interrupted; the atlas in {place} is finished, but for the nearest images" in capsys.readouterr().err
    assert not is_prepared(open_atlas(place))
    assert main(command) == 0
    assert is_prepared(open_atlas(place))


def test_folders_are_named_after_network_and_images(tiny_classifier, monkeypatch):
    monkeypatch.setenv("CBAM_ATLASES", "/somewhere")
    from dataclasses import replace

    named = replace(tiny_classifier, name="my net/best")
    assert default_folder(named, samples(), None) == Path("/somewhere/my-net-best-cifar10-samples")
    assert default_folder(named, thinned(samples(), 7), 7).name == "my-net-best-cifar10-samples-7"
    assert default_folder(named, corrupted(samples(), "blur", 3), None).name == "my-net-best-cifar10-samples-blur-3"


def test_an_atlas_of_corrupted_images_is_compared_with_that_of_the_clean_ones(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("CBAM_ATLASES", str(tmp_path))
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--images", "20"]
    assert main(command) == main([*command, "--corrupt", "blur:5"]) == 0
    clean, worse = (open_atlas(tmp_path / f"tiny-cifar10-samples-20{end}") for end in ("", "-blur-5"))
    assert clean.compare(worse).images.tolist() == clean.compare(worse).others.tolist() == list(range(20))
    assert (clean.thumbnails(range(20)).std() - worse.thumbnails(range(20)).std()) > 3  # a blur takes contrast
    assert main([*command, "--corrupt", "fog:5"]) == 3


def test_processes_of_a_launcher_share_the_work(tiny_checkpoint, folder, tmp_path, capsys, monkeypatch):
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(tmp_path / "shared")]
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "process 1 of 2 is done; 1 shard of others are missing so far" in said.err
    monkeypatch.setenv("RANK", "0")
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("tiny on 100 images of cifar10:samples")
    for written in folder.rglob("*.parquet"):
        assert (tmp_path / "shared" / written.relative_to(folder)).read_bytes() == written.read_bytes()
    assert main([*command, "--again"]) == 2
    assert "this is process 0 of 2 of torchrun or srun; leave --ray and --again out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--gpus", "1"], 2, "--gpus is for tasks on Ray; name a cluster with --ray"),
        (["--ray", "auto", "--workers", "2"], 2, "a cluster has its own processors; leave --workers out"),
        (["--ray", "nowhere"], 3, "'nowhere' is no address of a Ray cluster"),
        (["--corrupt", "blur:9"], 3, "unknown corruption 'blur:9'"),
    ],
)
def test_who_computes_is_said_in_one_way(tiny_checkpoint, tmp_path, capsys, options, status, said):
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(tmp_path / "atlas")]
    assert main([*command, *options]) == status
    assert said in capsys.readouterr().err


SLOWED = """
import signal, time
from cbam_core.atlas import building, planning
from cbam_core.cli import run

def slowly(*given):
    time.sleep(0.1)
    return compute_part(*given)

compute_part, building.compute_part = building.compute_part, slowly
planning.images_in_shard = lambda *_: 40
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs start without it
run()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise there")
def test_a_real_interrupt_keeps_what_is_done_and_the_next_run_goes_on_with_the_same_bits(
    tiny_checkpoint, tmp_path, monkeypatch
):
    photos, place, whole = (tmp_path / name for name in ("photos", "atlas", "whole"))
    photos.mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (240, 32, 32, 3), np.uint8)):
        Image.fromarray(pixels).save(photos / f"{number:03}.bmp")
    words = ["atlas", "build", str(tiny_checkpoint), "--set", str(photos), "--out", str(place), "--workers", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", SLOWED, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while len(list(place.glob("shards/*.parquet"))) < 2 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (said, errors) == ("", f"cbam: interrupted; run the same command again to go on with {place}\n")
    kept = {path: path.stat().st_mtime_ns for path in place.glob("shards/*.parquet")}
    assert 2 <= len(kept) < 6
    assert list(place.rglob("*.part")) == []
    assert main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # not computed again
    monkeypatch.setattr(planning, "images_in_shard", lambda *_: 40)
    assert main([*words[:-3], str(whole)]) == 0
    for path in (path for path in whole.rglob("*") if path.is_file()):
        assert (place / path.relative_to(whole)).read_bytes() == path.read_bytes()
