"""Which atlas is opened: not the first one where that is damaged, unless somebody asks for it."""

import shutil

import pytest

from app import services
from cbam_core.atlas.layout import GATES
from tests.app.atlas.test_atlas_page import address, said, visit


@pytest.fixture
def damaged(monkeypatch, tmp_path):
    """The first atlas of the network, whose values are cut off, before the one that ships."""
    entries = services.atlases_of(services.network("cbam_cnn_cifar10"))
    (shipped,) = [entry for entry in entries.values() if entry.title == "cifar10:samples"]
    folder = tmp_path / "atlases" / "a-damaged"
    shutil.copytree(shipped.folder, folder)
    (folder / GATES).write_bytes((folder / GATES).read_bytes()[:-2])
    monkeypatch.setenv("CBAM_ATLASES", str(folder.parent))
    return folder


def errors(app):
    return [one.value for one in app.error]


def test_a_damaged_atlas_is_passed_over_with_a_note_and_its_error_is_shown_to_who_asks_for_it(damaged):
    app = visit(network="cbam_cnn_cifar10")
    (note,) = [one.value for one in app.warning]
    assert "a-damaged" in note.replace("\\", "")
    assert str(damaged.parent) not in note
    assert not errors(app)
    assert "All 100 images" in said(app)
    assert [*app.query_params] == ["network"]
    app.selectbox(key="atlas-name").select("a-damaged").run()
    assert "cannot be opened" in errors(app)[0]
    assert not app.warning
    assert address(app, "atlas") == "a-damaged"
    assert "cannot be opened" in errors(visit(network="cbam_cnn_cifar10", atlas="a-damaged"))[0]


def test_where_no_atlas_can_be_opened_the_error_of_the_first_is_shown(damaged, monkeypatch):
    entries = services.atlases_of(services.network("cbam_cnn_cifar10"))
    monkeypatch.setattr(services, "atlases_of", lambda _: {"a-damaged": entries["a-damaged"]})
    app = visit(network="cbam_cnn_cifar10")
    assert len(errors(app)) == 1
    assert not app.warning
