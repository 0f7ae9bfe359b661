import os

import pytest

from cbam_core.data.text_file import read_text
from cbam_core.errors import AtlasError, DataError


def test_text_is_read_with_and_without_a_mark_of_the_byte_order(tmp_path):
    path = tmp_path / "table.csv"
    for mark in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(mark + "id,名\r\na,é\n".encode())
        assert read_text(path, DataError, "data.table") == "id,名\r\na,é\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,x\na,1\n".encode("utf-16"), "is in UTF-16; save it in UTF-8"),
        ("id,x\na,1\n".encode("utf-16-le"), "is in UTF-16; save it in UTF-8"),
        ("id,x\na,1\n".encode("utf-16-be"), "is in UTF-16; save it in UTF-8"),
        (
            "id,x\na,1\nb,Café\n".encode("latin-1"),
            "line 3 of .* is not in UTF-8; save the file in UTF-8",
        ),
        (b"id,x\na,\0\n", "line 2 of"),
        (b"PK\x03\x04\xff\xfe", "is a workbook or an archive, and not text; export the table as CSV"),
    ],
)
def test_another_encoding_is_refused_with_what_to_do(tmp_path, content, said):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(AtlasError, match=said) as refused:
        read_text(path, AtlasError, "data.table")
    assert refused.value.code == "data.table"
    assert str(path) in str(refused.value)
    assert "codec" not in str(refused.value)


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*x\.csv; check its name and folder"):
        read_text(tmp_path / "x.csv", DataError, "data.table")
    with pytest.raises(DataError, match="is a folder; name a file in it"):
        read_text(tmp_path, DataError, "data.table")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is a device or a pipe; save it as a file first"):
        read_text(tmp_path / "pipe", DataError, "data.table")


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "x.csv").write_text("id\n", encoding="utf-8")
    monkeypatch.setattr("pathlib.Path.read_bytes", denied)  # root may read everything
    with pytest.raises(DataError, match=r"x\.csv cannot be read \(Permission denied\); check its name and permissions"):
        read_text(tmp_path / "x.csv", DataError, "data.table")
