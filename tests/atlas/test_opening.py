import dataclasses
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cbam_core import open_atlas
from cbam_core.atlas.atlas import Atlas
from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.layout import GATES, IMAGES, LOGITS, METADATA, SCORES, TABLES, sheet_path
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.shards import read_rows
from cbam_core.data.corruption import corrupted
from cbam_core.errors import AtlasError


@pytest.fixture(scope="module")
def opened(sample_atlas_folder, tmp_path_factory):
    return open_atlas(shutil.copytree(sample_atlas_folder, tmp_path_factory.mktemp("opened") / "tiny-samples"))


@pytest.fixture
def folder(sample_atlas_folder, tmp_path):
    return shutil.copytree(sample_atlas_folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def plain(opened):
    """The same atlas in memory, without the tables that were gathered when it was built."""
    parts = opened.contents
    names = {"values": np.array(parts.values), "ids": list(parts.ids), "tables": None, "scores": None}
    return Atlas(dataclasses.replace(parts, **names))


def test_an_opened_atlas_has_the_rows_of_its_shards(opened, sample_atlas_folder):
    rows = read_rows(sample_atlas_folder, read_plan(sample_atlas_folder), 0)
    assert len(opened) == len(rows.index) == 100
    assert np.array_equal(opened.contents.values, rows.values)
    assert np.array_equal(opened.logits, rows.logits)
    assert np.array_equal(opened.labels, rows.labels)
    assert np.array_equal(opened.answers, rows.answers)
    assert list(opened.ids) == rows.ids.to_pylist()
    assert (opened.ids[3], opened.ids[1:3]) == (rows.ids.to_pylist()[3], rows.ids.to_pylist()[1:3])
    assert opened.number_of(opened.ids[42]) == 42
    assert opened.classes == opened.label_classes


WHERES = (None, {"class": "cat"}, {"right": False}, {"class": ["cat", "dog"], "answer": "ship"}, {"answer": 3}, {})


def same(first, second):
    """Whether two answers are equal, with NaN in the same places."""
    for field in dataclasses.fields(first):
        if field.name == "order":  # of equal values, rounding decides
            continue
        one, two = getattr(first, field.name), getattr(second, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_allclose(
                one, two, rtol=1e-9, atol=1e-5 if one.dtype == np.float32 else 1e-7, err_msg=field.name
            )
        else:
            assert one == (pytest.approx(two) if field.name == "explained" else two), field.name


@pytest.mark.parametrize("where", WHERES, ids=str)
@pytest.mark.parametrize("by", ["class", "answer", "right", "pair"])
def test_gathered_sums_give_the_profile_that_rows_give(opened, plain, by, where):
    for gate in opened.gates:
        same(opened.profile(gate.name, by, where), plain.profile(gate.name, by, where))


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_gathered_sums_give_the_mask_that_rows_give(opened, plain, where):
    for block in opened.blocks:
        same(opened.mask(block, where), plain.mask(block, where))


@pytest.mark.parametrize("lowest", [False, True])
def test_gathered_lists_give_the_images_that_rows_give(opened, plain, lowest):
    for gate in opened.gates:
        for channel in range(0, gate.size, 7):
            same(opened.top(gate.name, channel, lowest=lowest), plain.top(gate.name, channel, lowest=lowest))


def test_other_answers_are_those_of_the_rows(opened, plain):
    same(opened.neighbours(3), plain.neighbours(3))
    same(opened.map(), plain.map())
    same(opened.suspects().outliers, plain.suspects().outliers)
    assert opened.compare(plain).answers.changed == 0
    assert not opened.compare(plain).moved.any()


def test_thumbnails_are_the_pictures_of_their_images(opened, sample_images):
    found = opened.thumbnails([99, 0, 42])
    for picture, image in zip(found, (99, 0, 42), strict=True):
        pixels = np.asarray(Image.fromarray(sample_images.images[image]).resize(picture.shape[:2]))
        assert np.abs(picture.astype(int) - pixels).mean() < 12
    sheets = opened.sheets
    assert len(sheets.paths) == 1
    assert sheets.paths[0].exists()
    assert (sheets.per_sheet, sheets.side) == (opened.facts["shard_size"], found.shape[1])
    with pytest.raises(AtlasError, match=r"images of this atlas are numbered from 0 to 99; given \[100\]"):
        opened.thumbnails([100])


def test_columns_of_a_file_are_joined_by_the_names_of_the_images(folder):
    ids = list(open_atlas(folder).ids)
    lines = [f"{name},{'old' if number % 2 else 'new'},{number},{number / 4}" for number, name in enumerate(ids)]
    (folder / METADATA).write_text("\n".join(["id,camera,serial,speed", *reversed(lines[:50]), "other,old,1,1"]))
    made = open_atlas(folder)
    assert made.metadata["camera"][:3].tolist() == ["new", "old", "new"]
    assert made.metadata["camera"][60] == ""
    assert np.isnan(made.metadata["serial"][60])
    assert made.select({"camera": "old", "speed": (0, 1)}).tolist() == [1, 3]
    assert made.profile(made.gates[0].name, "camera").counts.tolist() == [50, 25, 25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"id,a\nx,1,2\n", r"row 2 of .* number of values \(3\) than there are names of columns \(2\)"),
        (b"", "is empty; its first line has to name the columns"),
        (b"id,\xff\n", "has a character that is not in UTF-8; save the file in UTF-8"),
    ],
)
def test_damaged_columns_are_refused_in_one_sentence(folder, text, message):
    (folder / METADATA).write_bytes(text)
    with pytest.raises(AtlasError, match=message):
        open_atlas(folder)


def test_a_folder_without_an_atlas_is_refused(tmp_path):
    with pytest.raises(AtlasError, match="there is no atlas in"):
        open_atlas(tmp_path)


def test_an_unfinished_atlas_says_how_far_it_is(folder):
    (folder / TABLES).unlink()
    with pytest.raises(AtlasError, match="is not finished: 1 of 1 shards are there; build it again"):
        open_atlas(folder)


@pytest.mark.parametrize("name", [GATES, LOGITS, IMAGES])
def test_a_missing_or_short_file_is_named(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(AtlasError, match=rf"{name} is missing or damaged"):
        open_atlas(folder)
    path.unlink()
    with pytest.raises(AtlasError, match=rf"{name} is missing or damaged"):
        open_atlas(folder)


def test_damaged_tables_are_refused(folder):
    (folder / TABLES).write_bytes(b"nothing")
    with pytest.raises(AtlasError, match=r"tables\.npz is missing or damaged"):
        open_atlas(folder)


def test_tables_of_another_atlas_are_refused(folder):
    plan = read_plan(folder)
    other = dataclasses.replace(plan, program="another")
    (folder / "atlas.json").write_text(json.dumps(other.as_dict()))
    with pytest.raises(AtlasError, match=r"tables\.npz belongs to another atlas"):
        open_atlas(folder)


@pytest.fixture(scope="module")
def noisy_folder(tiny_classifier, sample_images, tmp_path_factory):
    """An atlas of the same network on worse images: its files have the sizes of those of the sample atlas."""
    place = tmp_path_factory.mktemp("noisy") / "noisy"
    return build_atlas(tiny_classifier, corrupted(sample_images, "noise", 5), place, workers=1)


@pytest.mark.parametrize("name", [GATES, LOGITS, SCORES, IMAGES])
def test_a_file_of_another_atlas_of_the_same_size_is_refused(folder, noisy_folder, name):
    shutil.copy(noisy_folder / name, folder / name)
    with pytest.raises(AtlasError, match="are not of the same atlas, or one was changed; delete both"):
        open_atlas(folder)


@pytest.mark.parametrize("name", [GATES, LOGITS, SCORES])
def test_other_bytes_of_the_same_size_are_refused(folder, name):
    size = (folder / name).stat().st_size
    (folder / name).write_bytes(np.random.default_rng(0).bytes(size))
    with pytest.raises(AtlasError, match="are not of the same atlas"):
        open_atlas(folder)


CHANGED_COLUMNS = {
    "label": [pa.array(["cat"] * 100), pa.array([99] * 100, pa.int32()), pa.array([1.5] * 100)],
    "answer": [pa.array([99] * 100, pa.int32())],
    "ok": [pa.array([None] * 100, pa.bool_())],
    "id": [pa.array([None] * 100, pa.string()), pa.array(range(100))],
    "index": [pa.array(range(100, 0, -1))],
}


@pytest.mark.parametrize("name", CHANGED_COLUMNS)
def test_images_with_other_columns_are_refused(folder, name):
    table = pq.read_table(folder / IMAGES)
    for column in CHANGED_COLUMNS[name]:
        pq.write_table(table.set_column(table.column_names.index(name), name, column), folder / IMAGES)
        with pytest.raises(
            AtlasError, match=r"images\.parquet is missing or damaged \(its columns hold something else"
        ):
            open_atlas(folder)


@pytest.mark.parametrize("name", ["groups", "group_count", "group_sum", "top_images", "pca_mean", "pca_share"])
def test_tables_of_other_shapes_are_refused(folder, name):
    arrays = dict(np.load(folder / TABLES))
    arrays[name] = arrays[name][None]
    np.savez(folder / TABLES, **arrays)
    with pytest.raises(AtlasError, match=r"tables\.npz is missing or damaged"):
        open_atlas(folder)


@pytest.mark.parametrize(
    "changed",
    [{"shard_size": 0}, {"side": 0}, {"side": 10**6}, {"across": -1}, {"gates": ()}, {"images": "count"}],
    ids=str,
)
def test_a_description_whose_numbers_do_not_fit_is_refused(folder, changed):
    plan = read_plan(folder)
    if "gates" in changed:
        changed = {"gates": (dataclasses.replace(plan.gates[0], first=7), *plan.gates[1:])}
    if "images" in changed:
        changed = {"images": dataclasses.replace(plan.images, count=-1)}
    (folder / "atlas.json").write_text(json.dumps(dataclasses.replace(plan, **changed).as_dict()))
    with pytest.raises(AtlasError, match="does not describe an atlas, or was changed"):
        open_atlas(folder)


@pytest.mark.parametrize("size", [(32, 32), (20_000, 10_000)])
def test_a_sheet_of_another_size_is_refused(folder, size):
    Image.new("L", size).save(sheet_path(folder, 0), "JPEG")
    with pytest.raises(AtlasError, match=r"thumbnails in .* are missing or damaged"):
        open_atlas(folder).thumbnails([99])


def test_a_missing_sheet_is_an_error_where_its_pictures_are_asked_for(folder):
    sheet_path(folder, 0).unlink()
    made = open_atlas(folder)
    assert made.top(made.gates[0].name, 0).images.size == 20
    with pytest.raises(AtlasError, match=r"thumbnails in .* are missing or damaged"):
        made.thumbnails([0])


def test_one_atlas_answers_many_threads_alike(opened):
    names = [gate.name for gate in opened.gates]

    def ask(number):
        gate = names[number % len(names)]
        return opened.profile(gate, where={"confidence": (0, 1)}).mean.tobytes(), opened.neighbours(
            number % 5
        ).images.tobytes()

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(ask, range(60))) == [ask(number) for number in range(60)]


def test_opening_imports_no_torch(sample_atlas_folder):
    program = "import sys, cbam_core; cbam_core.open_atlas(sys.argv[1]).neighbours(0); print('torch' in sys.modules)"
    command = [sys.executable, "-c", program, str(sample_atlas_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_an_atlas_is_opened_by_its_name_and_a_folder_of_that_name_counts_first(folder, tmp_path, monkeypatch):
    for name, place in (("ATLASES", "built"), ("CHECKPOINT_DIR", "nets"), ("DATA_DIR", "cache")):
        monkeypatch.setenv(f"CBAM_{name}", str(tmp_path / place))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    built = shutil.copytree(folder, tmp_path / "built" / "net-photos")
    shutil.copytree(folder, tmp_path / "nets" / "shipped.atlas")
    assert open_atlas("net-photos").folder == built
    assert open_atlas("shipped").folder == tmp_path / "nets" / "shipped.atlas"
    with pytest.raises(
        AtlasError, match="there is no atlas other; those that were built or ship are net-photos, shipped"
    ):
        open_atlas("other")
    shutil.copytree(folder, tmp_path / "here" / "net-photos")
    assert open_atlas("net-photos").folder.absolute() == tmp_path / "here" / "net-photos"
