import numpy as np
import pytest

from cbam_core.atlas.metadata import read_metadata
from cbam_core.errors import AtlasError

IDS = ("a", "b", "c")


def columns(tmp_path, text):
    path = tmp_path / "metadata.csv"
    path.write_text(text, encoding="utf-8")
    return read_metadata(path, IDS)


def test_rows_are_joined_by_name_in_any_order(tmp_path):
    found = columns(tmp_path, "size,id,colour\n3,c,red\n1,a,blue\n2,b,\nother,x,green\n")
    assert found["size"].tolist() == [1, 2, 3]
    assert found["size"].dtype == np.int64
    assert found["colour"].tolist() == ["blue", "", "red"]


def test_without_a_column_of_ids_the_first_one_has_them(tmp_path):
    assert columns(tmp_path, "file,size\nb,2\na,1\nc,3\n")["size"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("1", "2.5", "3"), [1, 2.5, 3]),
        (("1", "", "3"), [1, np.nan, 3]),
        (("1", "two", "3"), ["1", "two", "3"]),
        (("99999999999999999999", "1", "2"), [1e20, 1, 2]),
    ],
)
def test_a_column_is_of_numbers_if_all_of_its_values_are(tmp_path, values, expected):
    rows = "\n".join(f"{name},{value}" for name, value in zip(IDS, values, strict=True))
    assert np.array_equal(
        columns(tmp_path, f"id,x\n{rows}\n")["x"], expected, equal_nan=not isinstance(expected[0], str)
    )


def test_images_without_a_row_have_no_value(tmp_path):
    found = columns(tmp_path, "id,x,name\nb,2,two\n")
    assert np.array_equal(found["x"], [np.nan, 2, np.nan], equal_nan=True)
    assert found["name"].tolist() == ["", "two", ""]


def test_a_mark_of_the_byte_order_and_quoted_commas_are_read(tmp_path):
    (tmp_path / "metadata.csv").write_bytes('\ufeffid,x\na,"1,5"\n'.encode())
    assert read_metadata(tmp_path / "metadata.csv", IDS)["x"].tolist() == ["1,5", "", ""]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(AtlasError, match=r"metadata\.csv is not a CSV file"):
        read_metadata(tmp_path / "metadata.csv", IDS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x,x\na,1,2\n", "has two columns called 'x'"),
        ("id,x\na,1\nb,2\na,3\n", "has two rows of the image 'a'"),
    ],
)
def test_what_occurs_twice_is_refused(tmp_path, text, message):
    with pytest.raises(AtlasError, match=message):
        columns(tmp_path, text)
