from collections.abc import Callable
from pathlib import Path

import pytest

import cbam_core
from cbam_core import places
from cbam_core.errors import CbamError
from cbam_core.places import (
    ATLASES_VARIABLE,
    CHECKPOINT_VARIABLE,
    DATA_VARIABLE,
    IMAGE_VARIABLE,
    RUNS_VARIABLE,
    atlas_folders,
    atlases_folder,
    cache_folder,
    checkpoint_folder,
    image_folder,
    project_folder,
    runs_folder,
    shipped_checkpoints,
)


def test_folder_lies_beside_the_package_wherever_the_program_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.delenv(CHECKPOINT_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert checkpoint_folder() == Path(cbam_core.__file__).resolve().parent.parent / "checkpoints"


def test_variable_names_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("b.safetensors", "a.safetensors", "c.pth", "README.md"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(tmp_path))
    found = shipped_checkpoints()
    assert list(found.items()) == [("a", tmp_path / "a.safetensors"), ("b", tmp_path / "b.safetensors")]


def test_missing_folder_ships_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(tmp_path / "nowhere"))
    assert shipped_checkpoints() == {}


def test_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHECKPOINT_VARIABLE, "")
    assert checkpoint_folder().name == "checkpoints"


def test_runs_lie_beside_the_checkpoints_unless_a_variable_names_another_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(tmp_path / "checkpoints"))
    monkeypatch.delenv(RUNS_VARIABLE, raising=False)
    assert runs_folder() == tmp_path / "runs"
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "elsewhere"))
    assert runs_folder() == tmp_path / "elsewhere"


def test_an_installed_package_carries_its_networks_and_keeps_runs_in_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in (CHECKPOINT_VARIABLE, RUNS_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    bundle = tmp_path / "site-packages" / "cbam_core" / "_bundle"
    bundle.mkdir(parents=True)
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(places, "_PACKAGE", bundle.parent)
    monkeypatch.chdir(tmp_path / "work")
    assert project_folder() == bundle
    assert checkpoint_folder() == bundle / "checkpoints"
    assert runs_folder() == tmp_path / "work" / "runs"
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(tmp_path / "networks"))
    assert runs_folder() == tmp_path / "runs"


@pytest.mark.parametrize("folder", [checkpoint_folder, runs_folder, image_folder, cache_folder])
def test_a_home_folder_that_is_not_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, folder: Callable[[], object]
) -> None:
    for variable in (CHECKPOINT_VARIABLE, RUNS_VARIABLE, IMAGE_VARIABLE, DATA_VARIABLE):
        monkeypatch.setenv(variable, "~no-such-user/x")
    with pytest.raises(CbamError, match="no such home folder; name the folder by its whole path"):
        folder()


def test_atlases_lie_beside_the_checkpoints_unless_a_variable_names_another_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(ATLASES_VARIABLE, raising=False)
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(tmp_path / "nets"))
    assert atlases_folder() == tmp_path / "atlases"
    monkeypatch.setenv(ATLASES_VARIABLE, str(tmp_path / "mine"))
    assert atlases_folder() == tmp_path / "mine"


def test_built_atlases_come_before_those_that_ship(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CHECKPOINT_VARIABLE, str(tmp_path / "nets"))
    monkeypatch.setenv(ATLASES_VARIABLE, str(tmp_path / "mine"))
    assert atlas_folders() == ()
    for name in ("nets/a.atlas", "nets/not-one", "mine/c", "mine/b", "mine/unfinished"):
        (tmp_path / name).mkdir(parents=True)
        if name not in ("nets/not-one", "mine/unfinished"):
            (tmp_path / name / "atlas.json").write_text("{}")
    assert [path.relative_to(tmp_path).as_posix() for path in atlas_folders()] == ["mine/b", "mine/c", "nets/a.atlas"]
