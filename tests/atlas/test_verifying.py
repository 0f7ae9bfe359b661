"""What a pass over a whole atlas finds, one flipped bit at a time."""

import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cbam_core import open_atlas
from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.layout import GATES, IMAGES, LOGITS, METADATA, NEAREST, SCORES, TABLES, shard_path, sheet_path
from cbam_core.atlas.preparing import prepare
from cbam_core.atlas.tables import Tables, read_tables, write_tables
from cbam_core.atlas.verifying import check_atlas
from cbam_core.data.dataset import open_dataset
from cbam_core.data.samples import sample_sheet
from cbam_core.errors import AtlasError


@pytest.fixture
def folder(sample_atlas_folder, tmp_path):
    return shutil.copytree(sample_atlas_folder, tmp_path / "copy")


def flip(path, place, bit=0):
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def sentences(folder):
    return [str(error) for error in check_atlas(folder)]


def test_a_whole_atlas_has_nothing_to_tell_and_says_how_far_the_check_is(folder):
    prepare(open_atlas(folder))
    done = []
    assert check_atlas(folder, done.append) == ()
    assert done == [1.0]


@pytest.mark.parametrize(
    ("name", "width", "size"), [(GATES, 560, 2), (LOGITS, 10, 4)], ids=["a value of a gate", "a logit"]
)
def test_a_flipped_bit_in_any_row_is_found_and_its_image_named(folder, name, width, size):
    image = 38  # is not among the rows that opening looks at
    flip(folder / name, (image * width + 5) * size)
    open_atlas(folder)
    expected = f"{folder / name} differs from the shards in 1 of its rows, the first of image {image}; delete it, and"
    (found,) = sentences(folder)
    assert found.startswith(expected)
    (folder / name).unlink()


def test_the_advice_mends_what_was_found(folder, tiny_classifier, sample_images):
    whole = (folder / GATES).read_bytes()
    flip(folder / GATES, (38 * 560 + 5) * 2)
    (folder / GATES).unlink()
    build_atlas(tiny_classifier, sample_images, folder, workers=1)
    assert check_atlas(folder) == ()
    assert (folder / GATES).read_bytes() == whole


def test_coordinates_are_those_of_the_rows(folder):
    kept = len(read_tables(folder / TABLES).axes.axes)
    flip(folder / SCORES, (38 * kept) * 4 + 3, bit=0)
    assert "in 1 of its rows, the first of image 38" in sentences(folder)[0]


@pytest.mark.parametrize("name", ["label", "confidence", "probability"])
def test_a_table_of_images_with_other_numbers_is_found(folder, name):
    table = pq.read_table(folder / IMAGES)
    column = table[name].to_numpy().copy()
    column[38:40] = (column[38:40] + 1) % 10 if name == "label" else column[38:40] / 2
    changed = table.set_column(table.column_names.index(name), name, pa.array(column))
    pq.write_table(changed, folder / IMAGES, store_schema=False)
    (found,) = sentences(folder)
    assert f"{folder / IMAGES} differs from the shards in 2 of its rows, the first of image 38" in found


def test_a_shard_whose_columns_have_other_names_is_damaged(folder):
    content = shard_path(folder, 0).read_bytes()
    assert content.count(b"cbam3.channel[17]") > 1
    shard_path(folder, 0).write_bytes(content.replace(b"cbam3.channel[17]", b"cbam3.channel[77]"))
    assert f"{shard_path(folder, 0)} is missing or damaged (its columns have other names" in sentences(folder)[0]


def test_a_damaged_shard_is_named_and_rows_of_others_are_still_compared(folder):
    size = shard_path(folder, 0).stat().st_size
    flip(shard_path(folder, 0), size // 2)
    (found,) = sentences(folder)
    assert found.startswith(f"{shard_path(folder, 0)} is missing or damaged (")
    assert found.endswith("delete the file, and build the atlas again to replace it")


def test_each_file_has_a_sentence(folder):
    sheet_path(folder, 0).write_bytes(sheet_path(folder, 0).read_bytes()[:1000])
    (folder / LOGITS).unlink()
    flip(folder / GATES, 0)
    found = sentences(folder)
    assert [path in one for path, one in zip((LOGITS, "part-00000.jpg", GATES), found, strict=True)] == [True] * 3


def test_a_small_picture_that_was_changed_is_found_although_it_can_be_decoded(folder, sample_atlas_folder):
    path = sheet_path(folder, 0)
    with Image.open(path) as sheet:
        sheet.rotate(180).save(path, "JPEG")
    (found,) = sentences(folder)
    assert found == (
        f"the thumbnails in {path} are missing or damaged; delete the file, and build the atlas again to replace it"
    )
    shutil.copy(sheet_path(sample_atlas_folder, 0), path)
    assert sentences(folder) == []


def test_small_pictures_of_an_atlas_of_before_they_had_a_checksum_are_decoded(folder):
    path = shard_path(folder, 0)
    table = pq.read_table(path)
    kept = {name: value for name, value in pq.read_metadata(path).metadata.items() if name != b"cbam.thumbnails"}
    with pq.ParquetWriter(path, table.schema, write_page_checksum=True) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(kept)
    assert sentences(folder) == []


def test_tables_of_other_sums_are_found(folder):
    tables = read_tables(folder / TABLES)
    groups = tables.groups
    total = groups.total.copy()
    total[0, 0] += 1e-3
    changed = type(groups)(groups.groups, groups.count, total, groups.squares)
    write_tables(folder / TABLES, Tables(tables.digest, changed, tables.extremes, tables.axes))
    (found,) = sentences(folder)
    assert f"{folder / TABLES} holds other sums or lists than the shards give" in found


@pytest.mark.parametrize("name", [NEAREST, "tsne.npz", METADATA])
def test_what_was_added_is_checked_too(folder, name):
    (folder / name).write_bytes(b"id,\xff" if name == METADATA else b"nothing")
    (found,) = sentences(folder)
    assert name in found


def test_an_unfinished_atlas_is_said_to_be_so(folder):
    (folder / TABLES).unlink()
    assert "is not finished: 1 of 1 shards are there" in sentences(folder)[0]


def test_nothing_can_be_checked_without_a_description(tmp_path):
    with pytest.raises(AtlasError, match="there is no atlas"):
        check_atlas(tmp_path)


def test_images_that_could_not_be_decoded_are_no_damage(tiny_classifier, tmp_path):
    (tmp_path / "photos").mkdir()
    for number, pixels in enumerate(sample_sheet().images[:4]):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "2.png").write_bytes(b"no picture")
    folder = build_atlas(tiny_classifier, open_dataset(str(tmp_path / "photos")), tmp_path / "atlas", workers=1)
    assert (~open_atlas(folder).ok).sum() == 1
    assert check_atlas(folder) == ()


def test_a_row_without_numbers_in_the_place_of_one_with_numbers_is_found(folder):
    rows = np.memmap(folder / GATES, np.float16, "r+", shape=(100, 560))
    rows[38] = np.nan
    rows.flush()
    assert "the first of image 38" in sentences(folder)[0]


def test_checking_needs_no_torch():
    program = "import sys, cbam_core.atlas.verifying; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
