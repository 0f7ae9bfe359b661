import numpy as np
import pytest

from cbam_core.atlas.exporting import as_csv, as_parquet
from cbam_core.atlas.image_list import read_image_list
from cbam_core.errors import AtlasError
from tests.atlas.made_atlas import atlas

IMAGES = np.array([3, 17, 40])


@pytest.mark.parametrize(("name", "make"), [("slice.csv", as_csv), ("slice.parquet", as_parquet)])
def test_an_export_lists_its_images(tmp_path, name, make):
    made = atlas()
    (tmp_path / name).write_bytes(make(made, IMAGES, gates=False))
    assert read_image_list(made, tmp_path / name).tolist() == IMAGES.tolist()


def test_images_of_an_export_are_found_by_name_in_another_atlas(tmp_path):
    made = atlas()
    names = [*reversed(made.ids)]
    (tmp_path / "slice.csv").write_bytes(as_csv(made, IMAGES, gates=False))
    found = read_image_list(atlas(ids=names), tmp_path / "slice.csv")
    assert [names[image] for image in found.tolist()] == [made.ids[image] for image in IMAGES.tolist()]


def test_a_name_that_a_spreadsheet_would_compute_is_found(tmp_path):
    made = atlas(count=3, ids=["-1.png", "'x.png", "2.png"])
    (tmp_path / "slice.csv").write_bytes(as_csv(made, np.arange(3), gates=False))
    assert read_image_list(made, tmp_path / "slice.csv").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "text", ["3\n17\n40\n", "\ufeffmade:test/3\r\n\r\n 17 \r\nmade:test/40", "index,note\n3,a\n17,b\n40,c\n"]
)
def test_lines_are_names_or_numbers(tmp_path, text):
    (tmp_path / "some.txt").write_bytes(text.encode())
    assert read_image_list(atlas(), tmp_path / "some.txt").tolist() == IMAGES.tolist()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"3\n60\n", "lists '60', which is neither the name"),
        ("a.txt", b"3\ncat.png\n", "lists 'cat.png'"),
        ("a.csv", b"id\nmade:test/99\n", "lists 'made:test/99'"),
        ("a.csv", b"index\n-1\n", "lists '-1'"),
        ("a.csv", b"note,index\na,3\nb\n", "does not list images"),
        ("a.csv", b"id\n", "it lists no image"),
        ("a.txt", b"", "it lists no image"),
        ("a.txt", b"\xff\xfe3", "is in UTF-16; save it in UTF-8"),
        ("a.txt", b"3\n\xe9.png\n", "line 2 of .* has a character that is not in UTF-8"),
        ("a.csv", b'index\n"3\n17\n', "lists '3"),
        ("a.parquet", b"3\n", r"does not list images \(it is not a whole Parquet file\)"),
    ],
)
def test_files_that_list_no_images_of_the_atlas_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AtlasError, match=message):
        read_image_list(atlas(), tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AtlasError, match=r"there is no file .*some\.txt; check its name and folder"):
        read_image_list(atlas(), tmp_path / "some.txt")
