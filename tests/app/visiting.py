"""The app as tests of pages visit it."""

import functools
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from streamlit.testing.v1 import AppTest

from benchmarks.apparatus.pages import MAIN, go_to
from cbam_core import Classifier, load_classifier
from cbam_core.places import shipped_checkpoints
from cbam_core.results.usual import usual_path

NOTHING: Mapping[str, Any] = MappingProxyType({})


def open_page(page: str, chosen: Mapping[str, Any] = NOTHING) -> AppTest:
    """The app as a new visitor opens it, by the address of a page; what they had chosen there, by its key."""
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    for key, value in chosen.items():
        app.session_state[key] = value
    go_to(app, page).run()
    assert not app.exception
    return app


def put_network(folder: Path, *names: str, network: str = "cbam_cnn_cifar10") -> None:
    """Copy a network that ships, under its own or other names, with what is usual for it: finding that takes long."""
    shipped = shipped_checkpoints()[network]
    for name in names or (network,):
        file = shutil.copy(shipped, folder / f"{name}.safetensors")
        shutil.copy(usual_path(shipped), usual_path(file))


@functools.cache
def shipped(network: str = "cbam_cnn_cifar10") -> Classifier:
    """A network that ships, opened once for all tests, which never change it."""
    return load_classifier(shipped_checkpoints()[network])
