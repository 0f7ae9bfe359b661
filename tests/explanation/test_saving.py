"""An explanation as files in a folder or a ZIP."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from cbam_core.errors import CbamError, ImageError
from cbam_core.explanation.contents import as_png
from cbam_core.explanation.formats import FORMATS, WEB_PAGE
from cbam_core.explanation.saving import as_files, as_zip, folder_names, save
from cbam_core.results.explanation import Explanation
from cbam_core.results.look import Look
from tests.report.reading import read

DATE = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = [each.name for each in FORMATS]
HOSTILE = [
    "../x",
    "x",
    "X",
    "..\\..\\windows\\x",
    "/etc/passwd",
    "",
    "..",
    "a" * 5000 + ".png",
    "猫" * 300,
    "cafe\u0301.png",
    "CON",
    "nul.png",
    "C:\\",
    "a\x00b\nc\u202egnp.exe",
    "\udcff",
    " .hidden. ",
    "x-2",
]


def test_saved_files_are_those_in_memory(explanation: Explanation, tmp_path: Path) -> None:
    paths = save(explanation, tmp_path / "new" / "folder", date=DATE)
    assert list(paths) == NAMES
    assert {name: path.read_bytes() for name, path in paths.items()} == as_files(explanation, date=DATE)
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(NAMES)


def test_an_original_of_another_size_is_refused(explanation: Explanation, photo: np.ndarray) -> None:
    with pytest.raises(ImageError, match="has 159×120 pixels, but the one that was explained had 160×120"):
        as_files(explanation, original=photo[:, 1:])


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"colours": "jet"}, "render.unknown-colours"),
        ({"scale": "log"}, "render.unknown-scale"),
        ({"opacity": 2.0}, "render.opacity"),
    ],
)
def test_unknown_settings_are_one_sentence(
    explanation: Explanation, tmp_path: Path, settings: dict[str, object], code: str
) -> None:
    with pytest.raises(CbamError) as caught:
        explanation.save(tmp_path, **settings)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert not list(tmp_path.iterdir())


def test_an_explanation_passes_its_look_on(explanation: Explanation, tmp_path: Path) -> None:
    explanation.save(tmp_path, colours="magma", scale="stretch", opacity=0.8, smooth=True)
    look = Look("magma", "stretch", 0.8, True)
    assert (tmp_path / "figure.png").read_bytes() == as_png(explanation, look=look)


def test_a_folder_that_cannot_be_written_is_one_sentence(explanation: Explanation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CbamError, match=r"cannot write .*file.*choose a folder") as caught:
        save(explanation, tmp_path / "file" / "folder")
    assert caught.value.code == "save.unwritable"
    with pytest.raises(CbamError, match=r"file is a file, and the results need a folder of that name") as caught:
        save(explanation, tmp_path / "file")
    assert caught.value.code == "save.file-there"
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_failed_save_leaves_no_manifest(
    explanation: Explanation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "channel_weights.csv").mkdir()
    with pytest.raises(CbamError):
        save(explanation, tmp_path)
    assert not (tmp_path / "manifest.json").exists()
    assert not list(tmp_path.glob(".*"))


def test_saving_again_replaces_the_files(explanation: Explanation, tmp_path: Path) -> None:
    save(explanation, tmp_path, date=DATE)
    paths = save(explanation, tmp_path, date=DATE, look=Look(colours="magma"))
    assert json.loads(paths["manifest.json"].read_text())["figure"]["colours"] == "magma"


def test_explanation_saves_itself(explanation: Explanation, tmp_path: Path) -> None:
    assert list(explanation.save(tmp_path, scale="stretch")) == NAMES


def test_zip_of_one_holds_its_files(explanation: Explanation) -> None:
    with zipfile.ZipFile(io.BytesIO(as_zip(explanation, date=DATE))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == as_files(explanation, date=DATE)


def test_zip_is_the_same_for_the_same_date_and_differs_for_another(explanation: Explanation) -> None:
    first = as_zip(explanation, date=DATE)
    assert as_zip(explanation, date=DATE.astimezone(timezone(timedelta(hours=8)))) == first
    assert as_zip(explanation, date=DATE + timedelta(seconds=1)) != first


def test_zip_does_its_work_on_each_within_the_given_context(explanation: Explanation, photo: np.ndarray) -> None:
    inside, asked = [], []

    @contextmanager
    def within() -> Iterator[None]:
        inside.append(True)
        yield
        inside.pop()

    class Originals(dict):
        def get(self, name, default=None):
            asked.append((name, len(inside)))
            return super().get(name, default)

    as_zip({"a.png": explanation, "b.png": explanation}, original=Originals({"b.png": photo}), within=within, date=DATE)
    assert asked == [("a.png", 1), ("b.png", 1)]
    assert inside == []


def test_zip_of_several_has_a_folder_each(explanation: Explanation, photo: np.ndarray) -> None:
    other = replace(explanation, probabilities=np.array([1, 0, 0], np.float32))
    packed = as_zip({"a.png": explanation, "b.png": other}, original={"b.png": photo}, date=DATE)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == [f"{folder}/{name}" for folder in ("a.png", "b.png") for name in NAMES]
        first, second = (json.loads(archive.read(f"{folder}/manifest.json")) for folder in ("a.png", "b.png"))
    assert (first["predicted"], second["predicted"]) == ("dog", "cat")
    assert (first["figure"]["on"], second["figure"]["on"]) == ("input", "original")


def test_zip_with_hostile_names_unpacks_inside_its_folder(explanation: Explanation, tmp_path: Path) -> None:
    small = replace(explanation, blocks=())
    with zipfile.ZipFile(io.BytesIO(as_zip(dict.fromkeys(HOSTILE, small)))) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "inside")
    assert len(names) == len(HOSTILE) * len(FORMATS)
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    for name in names:
        assert len(PurePosixPath(name).parts) == 2
        assert (tmp_path / "inside" / name).is_file()


def test_folder_names_are_safe_short_and_unique() -> None:
    folders = folder_names(HOSTILE)
    assert list(folders) == HOSTILE
    assert len({folder.casefold() for folder in folders.values()}) == len(HOSTILE)
    for folder in folders.values():
        assert 0 < len(folder.encode()) <= 90
        assert folder == folder.strip(" .")
        assert folder.isprintable()
        assert not set(folder) & set('/\\:*?"<>|')
    assert folders["CON"] == "_CON"
    assert folders["nul.png"] == "_nul.png"
    assert folders[""] == "image"


def test_harmless_names_stay_as_they_are() -> None:
    names = ["my cat (1).png", "猫.jpg", "IMG_2024-01-01.heic"]
    assert list(folder_names(names).values()) == ["my cat _1_.png", "猫.jpg", "IMG_2024-01-01.heic"]


def test_a_web_page_is_written_on_request_and_opens_with_the_look(explanation: Explanation, tmp_path: Path) -> None:
    assert WEB_PAGE.name not in explanation.save(tmp_path / "plain")
    paths = explanation.save(tmp_path / "out", html=True, reading="relative", opacity=0.4)
    page = read(paths[WEB_PAGE.name].read_text(encoding="utf-8"))
    settings = json.loads(page.data)["settings"]
    assert (settings["reading"], settings["opacity"]) == ("relative", 0.4)
    assert explanation.checkpoint in page.words
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*paths}
    assert len(paths) == len(FORMATS) + 1
