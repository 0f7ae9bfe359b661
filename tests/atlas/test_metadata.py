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


def test_columns_without_a_name_are_left_out(tmp_path):
    assert [*columns(tmp_path, "id,x,,\na,1,2,3\n")] == ["x"]
    assert columns(tmp_path, ",id,x\n0,b,5\n")["x"].tolist()[1] == 5  # as pandas writes a table
    assert columns(tmp_path, ",x\na,5\n")["x"].tolist()[0] == 5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("007", "12", "3"), ["007", "12", "3"]),
        (("1_0", "12", "3"), ["1_0", "12", "3"]),
        (("007", "", "3"), ["007", "", "3"]),
        (("00", "0", "-01"), ["00", "0", "-01"]),
        (("0", "-7", "10"), [0, -7, 10]),
        (("1.50", "1e3", "-.5"), [1.5, 1000, -0.5]),
        (("01.5", "1", "2"), ["01.5", "1", "2"]),
        ((" 1", "2 ", "+3"), [1.0, 2.0, 3.0]),
        (("nan", "-inf", "0"), [np.nan, -np.inf, 0]),
        (("١", "2", "3"), ["١", "2", "3"]),
    ],
)
def test_names_that_look_like_numbers_stay_as_they_are(tmp_path, values, expected):
    rows = "\n".join(f"{name},{value}" for name, value in zip(IDS, values, strict=True))
    found = columns(tmp_path, f"id,x\n{rows}\n")["x"]
    assert np.array_equal(found, expected, equal_nan=not isinstance(expected[0], str))
    assert found.dtype.kind == np.array(expected).dtype.kind


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"metadata\.csv is empty; its first line has to name the columns, as id,camera does"),
        ("\n\n", "is empty; its first line"),
        ("id;x\na;1\n", "not separated by commas: its first line is 'id;x'; save it with commas"),
        ("id\tx\na\t1\n", "not separated by commas"),
        ('id,x\na,1\nb,"2\nc,3\n', "cannot be read as CSV at line 4; check whether each quotation mark"),
        ("id,x\n\na,1\nb,1,2\n", r"row 4 of .* number of values \(3\) than there are names of columns \(2\)"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(tmp_path, text, message):
    with pytest.raises(AtlasError, match=message):
        columns(tmp_path, text)


def test_a_missing_file_and_another_encoding_are_refused(tmp_path):
    with pytest.raises(AtlasError, match=r"there is no file .*metadata\.csv; check its name and folder"):
        read_metadata(tmp_path / "metadata.csv", IDS)
    (tmp_path / "metadata.csv").write_bytes("id,x\na,1\n".encode("utf-16"))
    with pytest.raises(AtlasError, match=r"metadata\.csv is in UTF-16; save it in UTF-8"):
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
