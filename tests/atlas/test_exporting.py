"""Files of a slice: what other programs read in them."""

import csv
import io

import numpy as np
import pyarrow.parquet as parquet

from cbam_core.atlas.exporting import as_csv, as_parquet
from tests.atlas import made_atlas

IMAGES = np.array([3, 7, 20])
"""The second one was not read."""


def test_a_csv_has_names_of_classes_and_own_columns():
    atlas = made_atlas.atlas()
    rows = [*csv.DictReader(io.StringIO(as_csv(atlas, IMAGES, gates=False).decode()))]
    assert [*rows[0]] == ["index", "id", "label", "answer", "confidence", "camera", "hour"]
    assert [row["id"] for row in rows] == ["made:test/3", "made:test/7", "made:test/20"]
    assert rows[0]["label"] == atlas.label_classes[atlas.labels[3]]
    assert rows[0]["answer"] == atlas.classes[atlas.answers[3]]
    assert float(rows[0]["confidence"]) == float(f"{atlas.confidence[3]:.6g}")
    assert (rows[1]["answer"], rows[1]["confidence"]) == ("", "")
    assert rows[2]["camera"] == atlas.metadata["camera"][20]


def test_gates_are_columns_under_their_names():
    atlas = made_atlas.atlas()
    row = next(csv.DictReader(io.StringIO(as_csv(atlas, IMAGES, gates=True).decode())))
    place = atlas.gate("one.spatial").columns.start + 5 * 2 + 3
    assert float(row["one.spatial[2,3]"]) == float(f"{atlas.contents.values[3, place]:.5g}")


def test_parquet_has_the_same_columns_with_their_types():
    atlas = made_atlas.atlas()
    table = parquet.read_table(io.BytesIO(as_parquet(atlas, IMAGES, gates=True)))
    assert table["index"].to_pylist() == IMAGES.tolist()
    assert table["label"].to_pylist() == [atlas.label_classes[label] for label in atlas.labels[IMAGES]]
    assert str(table["one.channel[2]"].type) == "halffloat"
    column = table["one.channel[2]"].to_numpy()
    np.testing.assert_array_equal(column, atlas.contents.values[IMAGES, 2])


def test_columns_of_the_user_that_are_called_as_those_of_the_atlas_are_kept_under_another_name():
    names = ("index", "label", "one.channel[2]", "metadata.label")
    atlas = made_atlas.atlas(metadata={name: np.arange(60) + 100 * place for place, name in enumerate(names)})
    own = ["metadata.index", "metadata.metadata.label", "metadata.one.channel[2]", "metadata.label"]
    for gates in (False, True):
        rows = [*csv.reader(io.StringIO(as_csv(atlas, IMAGES, gates=gates).decode()))]
        table = parquet.read_table(io.BytesIO(as_parquet(atlas, IMAGES, gates=gates)))
        assert rows[0] == table.column_names
        assert rows[0][5:9] == own
        assert [int(value) for value in rows[1][5:9]] == [3, 103, 203, 303]
        assert table["index"].to_pylist() == IMAGES.tolist()


def test_spreadsheets_take_no_text_for_a_formula():
    atlas = made_atlas.atlas(ids=["=1+1", *[f"image {number}" for number in range(1, 60)]])
    text = as_csv(atlas, np.array([0, 1]), gates=False).decode()
    assert "0,'=1+1," in text
    assert "1,image 1," in text


def test_files_that_are_written_in_parts_are_the_same(monkeypatch):
    atlas, images = made_atlas.atlas(), np.arange(50)
    whole = as_csv(atlas, images, gates=True), as_parquet(atlas, images, gates=True)
    monkeypatch.setattr("cbam_core.atlas.exporting.ROWS", 7)
    monkeypatch.setattr("cbam_core.atlas.exporting.GROUP", 7)
    assert as_csv(atlas, images, gates=True) == whole[0]
    parts = parquet.ParquetFile(io.BytesIO(as_parquet(atlas, images, gates=True)))
    assert parts.num_row_groups == 8
    assert parts.read().to_pandas().equals(parquet.read_table(io.BytesIO(whole[1])).to_pandas())


def test_no_images_are_a_table_without_rows():
    atlas, none = made_atlas.atlas(), np.zeros(0, np.int64)
    assert as_csv(atlas, none, gates=False).decode().splitlines() == ["index,id,label,answer,confidence,camera,hour"]
    assert parquet.read_table(io.BytesIO(as_parquet(atlas, none, gates=False))).num_rows == 0
