"""``cbam atlas info``, ``top``, ``check``, ``map`` and ``export``: what a command answers is what the library does."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from cbam_core import open_atlas
from cbam_core.atlas.regions import UNITS, method_and_line_as_text
from cbam_core.cli import main


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
        (["cbam3.channel", "1_0"], 2, "'1_0' is not a number such as 17"),
        (["cbam3.channel", "1,"], 2, "'1,' is not a number such as 17"),
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


def test_a_file_in_the_place_of_a_folder_is_said_with_what_to_do(folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "x.csv", tmp_path / "file" / "below" / "x.csv"):
        assert main(["atlas", "export", str(folder), "--no-gates", "--out", str(out)]) == 3
        said = capsys.readouterr().err
        assert "is a file or lies in one, and a folder is needed there; choose another name" in said
        assert str(tmp_path / "file") in said


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
        (["a=b=3"], {"a=b": 3}),
        ([], None),
    ],
)
def test_conditions_are_those_of_the_library(folder, words, where):
    from dataclasses import replace

    from cbam_core.atlas.atlas import Atlas
    from cbam_core.cli.conditions import read_conditions

    columns = {"speed": np.arange(100), "camera": np.array(["3"] * 100), "a=b": np.arange(100)}
    atlas = Atlas(replace(open_atlas(folder).contents, metadata=columns))
    assert read_conditions(atlas, words) == where


def test_check_says_that_an_atlas_is_whole_or_what_is_damaged_and_what_to_do(folder, tmp_path, capsys):
    place = shutil.copytree(folder, tmp_path / "copy")
    assert main(["atlas", "check", str(place)]) == 0
    whole = f"{place}: 1 shard with 100 images is whole, and all rows and tables are what it gives\n"
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
    said = f"saved {out}: 10 images with 560 values of gates each; --no-gates leaves them out\n"
    assert capsys.readouterr().err == f"cbam: {said}"
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


def test_images_that_a_file_lists_twice_count_once_and_are_named(folder, tmp_path, capsys):
    file = tmp_path / "some.txt"
    file.write_text("cifar10:samples/3\n5\n3\n5\n7\n", encoding="utf-8")
    assert main(["atlas", "top", str(folder), "cbam3.channel", "17", "--json", "--only", str(file)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["of"] == 3
    first = open_atlas(folder).ids[3]
    assert said.err == f"cbam: {file} lists 2 images more than once, such as {first}; each counts once\n"


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
