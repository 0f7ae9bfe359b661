"""What tests of pages share."""

from __future__ import annotations

import functools
import gettext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from starlette.formparsers import MultiPartParser
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import app_test, local_script_runner

import tests.checked_types  # noqa: F401 - before what it checks is imported
from app import services
from app.server.upload_limits import keep_uploads_in_memory
from app.services import dataset, speed
from app.session import words
from cbam_core.data import cifar10
from cbam_core.data.cifar10 import LabelledImages
from cbam_core.data.samples import sample_sheet
from tests.app.made_once import make_once


@pytest.fixture(scope="session", autouse=True)
def _installed_packages_are_searched_once():
    """Streamlit looks through all of them for components, anew for every page that a test opens: half the time."""
    with pytest.MonkeyPatch.context() as patch:
        scan = manifest_scanner.scan_component_manifests
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(scan))
        yield


@pytest.fixture(scope="session", autouse=True)
def _a_page_is_waited_for_without_looking():
    """Streamlit looks a thousand times a second whether a page is drawn, and takes turns with what draws it."""
    with pytest.MonkeyPatch.context() as patch:
        too_late = local_script_runner.require_widgets_deltas

        def wait(runner, timeout):
            runner._script_thread.join(timeout)
            if runner._script_thread.is_alive():
                too_late(runner, 0)

        patch.setattr(local_script_runner, "require_widgets_deltas", wait)
        yield


@pytest.fixture(scope="session", autouse=True)
def _scripts_lie_in_a_folder_of_this_process(tmp_path_factory):
    """Streamlit makes one when it is imported, which workers forked after that would share, and the first delete."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_test, "TMP_DIR", SimpleNamespace(name=str(tmp_path_factory.mktemp("scripts"))))
        yield


@pytest.fixture(scope="session", autouse=True)
def _networks_are_opened_once():
    """Tests bring the same few networks, which nothing changes; opening one and looking into it takes long."""
    with pytest.MonkeyPatch.context() as patch:
        make_once(patch)
        yield


@pytest.fixture(autouse=True)
def _nothing_is_sent_ahead(monkeypatch):
    """Results of all hundred samples take long, and only browsers need them; test_prefetch.py has their values."""
    monkeypatch.setattr(services, "samples_ahead", lambda _: "[]")


@pytest.fixture(autouse=True)
def _served_by_us(monkeypatch):
    """Pages find the server as `cbam app` sets it up, whatever ran before."""
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    keep_uploads_in_memory()


@pytest.fixture(autouse=True)
def _no_network_was_at_work():
    """What a network did in an earlier test says nothing about its speed."""
    speed.known_speeds.cache_clear()


class Marked(gettext.NullTranslations):
    """A language in which every sentence is the English one between marks."""

    def __init__(self, code):
        super().__init__()
        self.code = code

    def gettext(self, message):
        return f"⟦{self.code} {message}⟧"

    def pgettext(self, context, message):
        return self.gettext(message) if context == words.CLASS and message in cifar10.CLASSES else message


@pytest.fixture
def marked(monkeypatch):
    """All languages are marked ones, English too."""
    monkeypatch.setattr(words, "_catalogue", Marked)
    dataset._sample_tiles.cache_clear()
    yield
    dataset._sample_tiles.cache_clear()


@pytest.fixture
def test_set(monkeypatch, tmp_path):
    """A test set of 250 images, the bundled ones over and over, as if it had been fetched."""
    folder = tmp_path / "data"
    (folder / "cifar10").mkdir(parents=True)
    sheet = sample_sheet()
    images, labels = (np.concatenate([one] * 3)[:250] for one in (sheet.images, sheet.labels))
    for name, array in (("test_images", images), ("test_labels", labels)):
        monkeypatch.setitem(cifar10.FILES, name, replace(cifar10.FILES[name], shape=array.shape))
        np.save(folder / "cifar10" / f"{name}.npy", array)
    monkeypatch.setenv("CBAM_DATA_DIR", str(folder))
    st.cache_resource.clear()
    return LabelledImages(images, labels)


@pytest.fixture
def image_folder(monkeypatch, tmp_path):
    """The operator's folder: two pictures, and a file that is none."""
    shown = tmp_path / "pictures"
    shown.mkdir()
    for number, name in enumerate(("a cat.png", "b.png")):
        Image.new("RGB", (64, 48), (200, 40 * number, 0)).save(shown / name)
    (shown / "broken.png").write_bytes(b"no picture")
    monkeypatch.setenv("CBAM_IMAGE_DIR", str(shown))
    return shown
