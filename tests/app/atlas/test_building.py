"""An atlas is built here in parts: after Cancel they are kept, the button says so, and another press goes on."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from app import services
from app.services import atlas_building
from cbam_core.atlas.fingerprint import listing_digest
from cbam_core.data.dataset import labelled_for, open_dataset
from tests.app.atlas.test_atlas_page import finished, said, visit


@pytest.fixture
def in_parts(test_set, monkeypatch, tmp_path):
    """The test set of 250 images, of which 64 are kept together; no atlas is there yet."""
    monkeypatch.setenv("CBAM_ATLASES", str(tmp_path / "none"))
    monkeypatch.setattr(atlas_building, "AT_ONCE", 64)
    return test_set


def shards_of(network):
    folder = atlas_building.folder_for(services.network(network), services.test_set())
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("shards/*.parquet")}


def test_a_build_that_was_cancelled_is_continued(in_parts, monkeypatch):
    build = atlas_building.build_steps

    def interrupted(*given, **settings):
        """Stops for long once 128 images are done."""
        for done in build(*given, **settings):
            yield done
            while done >= 128:
                time.sleep(0.01)
                yield done

    monkeypatch.setattr(atlas_building, "build_steps", interrupted)
    app = visit()
    assert app.button(key="atlas-build-begin").label == "Build it here"
    app.button(key="atlas-build-begin").click().run()
    until = time.monotonic() + 60
    while next(iter(app.session_state["building-atlas"].values()))[1].done < 128:
        assert time.monotonic() < until
        time.sleep(0.02)
    app.run()
    app.button(key="atlas-build-cancel").click().run()
    assert app.button(key="atlas-build-begin").label == "Continue the build"
    assert "128 of 250 images" in said(app)
    kept = shards_of("cbam_cnn_cifar10")
    monkeypatch.setattr(atlas_building, "build_steps", build)
    app.button(key="atlas-build-begin").click().run()
    app = finished(app, "building-atlas")
    assert not app.exception
    assert "All 250 images" in said(app)
    assert kept.items() <= shards_of("cbam_cnn_cifar10").items()
    assert len(kept) == 2


def test_without_the_test_set_nothing_is_offered_and_the_command_says_what_it_builds(monkeypatch, tmp_path):
    for variable in ("CBAM_ATLASES", "CBAM_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "none"))
    monkeypatch.setattr(services, "atlases_of", lambda _: {})
    app = visit()
    assert "atlas-build-begin" not in [button.key for button in app.button]
    assert "does the same" not in said(app)
    assert "test set of CIFAR-10 if that was downloaded, else of the samples" in said(app)
    assert "cbam atlas build" in app.code[0].value


def test_a_press_after_the_test_set_was_removed_builds_nothing_and_the_offer_goes(in_parts, monkeypatch, tmp_path):
    monkeypatch.setattr(services, "atlases_of", lambda _: {})
    app = visit()
    monkeypatch.setenv("CBAM_DATA_DIR", str(tmp_path / "removed"))
    app.button(key="atlas-build-begin").click().run()
    assert not app.exception
    assert services.atlas_work(services.network("cbam_cnn_cifar10")) is None
    assert "atlas-build-begin" not in [button.key for button in app.button]
    assert "test set of CIFAR-10 if that was downloaded" in said(app)


def test_parts_of_another_version_are_built_anew(in_parts, monkeypatch):
    classifier, images = services.network("cbam_cnn_cifar10"), services.test_set()
    folder = atlas_building.folder_for(classifier, images)
    with monkeypatch.context() as other:
        other.setattr("cbam_core.__version__", "0.0.0")
        steps = atlas_building.build_steps(classifier, images, folder, shard_size=100)
        assert [done for _, done in zip(range(3), steps, strict=False)]
        steps.close()
    for _ in atlas_building.steps_of(classifier, images, folder):
        pass
    assert len(shards_of("cbam_cnn_cifar10")) == 4


def test_an_estimate_is_what_builds_of_the_network_took_lately(in_parts, monkeypatch):
    classifier = services.network("cbam_cnn_cifar10")
    monkeypatch.setattr(atlas_building, "seconds_lately", lambda *_: 0.25)
    assert services.atlas_offer(classifier).seconds == pytest.approx(250 * 0.25)
    monkeypatch.setattr(atlas_building, "done_in", lambda *_: 200)
    assert services.atlas_offer(classifier).seconds == pytest.approx(50 * 0.25)


@pytest.mark.parametrize("known", [("cat", "dog"), ("dog", "bird", "cat")])
def test_an_atlas_of_the_operators_folder_that_a_command_built_is_not_offered_again(monkeypatch, tmp_path, known):
    for name in ("cat/1.png", "dog/2.png", "dog/3.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(name.encode())
    here = open_dataset(tmp_path / "photos")
    classifier = SimpleNamespace(classes=known)
    monkeypatch.setattr(atlas_building, "test_set", lambda: replace(here, name="operator", split="folder"))
    monkeypatch.setattr(atlas_building.own_networks, "is_own", lambda _: False)
    monkeypatch.setattr(atlas_building, "can_write", lambda: True)
    monkeypatch.setattr(atlas_building, "build_offer", lambda *_: "offer")
    monkeypatch.setattr(atlas_building, "folder_for", lambda *_: tmp_path)

    def offered(images, **changed):
        entry = services.AtlasEntry("a", tmp_path, images.title, len(images), "", listing=listing_digest(images))
        monkeypatch.setattr(atlas_building, "atlases_of", lambda _: {"a": replace(entry, **changed)})
        return atlas_building.atlas_offer(classifier) is not None

    assert not offered(here)
    assert not offered(labelled_for(here, known))
    assert offered(here, changed="blur:3")
    assert offered(here, listing="other files")
