"""``cbam data``: get CIFAR-10, say where it is, say whether it is there."""

from pathlib import Path

import pytest

from cbam_core.cli import main
from cbam_core.data import cifar10
from cbam_core.errors import DataError


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """A folder with four files of the right names, taken for the data set."""
    home = tmp_path / "cifar10"
    home.mkdir()
    for name in cifar10.FILES:
        (home / f"{name}.npy").write_bytes(b"1" * 1_000_000)
    monkeypatch.setattr(cifar10, "is_fetched", lambda folder=None: folder == tmp_path)
    return tmp_path


def test_where_prints_the_folder_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path))
    assert main(["data", "where"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'cifar10'}\n"
    assert main(["data", "where", "--dir", "elsewhere"]) == 0
    assert capsys.readouterr().out == f"{Path('elsewhere') / 'cifar10'}\n"


def test_status_of_nothing_is_3_and_says_what_to_do(tmp_path, capsys):
    assert main(["data", "status", "--dir", str(tmp_path)]) == 3
    said = capsys.readouterr().out
    assert str(tmp_path) in said
    assert "cbam data fetch" in said


def test_status_of_a_complete_set(fetched, capsys):
    assert main(["data", "status", "--dir", str(fetched)]) == 0
    assert "(4 MB)" in capsys.readouterr().out


def test_verify_reads_the_files(fetched, capsys):
    assert main(["data", "status", "--dir", str(fetched), "--verify"]) == 3
    assert "damaged" in capsys.readouterr().err


def test_a_second_fetch_does_nothing(fetched, monkeypatch, capsys):
    def never(*_, **__):
        raise AssertionError("fetched again")

    monkeypatch.setattr(cifar10, "fetch", never)
    assert main(["data", "fetch", "--dir", str(fetched)]) == 0
    assert "already" in capsys.readouterr().out


def test_fetch_shows_progress_and_says_where(tmp_path, monkeypatch, capsys):
    def fetch(folder, *, progress):
        progress("downloading from somewhere", 0, None)
        progress("downloading from somewhere", 5, 10)
        return folder / "cifar10"

    monkeypatch.setattr(cifar10, "fetch", fetch)
    assert main(["data", "fetch", "--dir", str(tmp_path)]) == 0
    written = capsys.readouterr()
    assert written.out == f"CIFAR-10 is in {tmp_path / 'cifar10'}\n"
    assert written.err == ""


def test_a_failed_fetch_is_one_line(tmp_path, monkeypatch, capsys):
    def fetch(folder, *, progress):
        raise DataError("data.unreachable", "no source of CIFAR-10 can be reached;\ntry later")

    monkeypatch.setattr(cifar10, "fetch", fetch)
    assert main(["data", "fetch", "--dir", str(tmp_path)]) == 3
    assert capsys.readouterr().err == "cbam: no source of CIFAR-10 can be reached; try later\n"
