"""What all tests share: small seeded networks and pictures, and surroundings of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from PIL import Image

import tests.checked_types  # noqa: F401 - before what it checks is imported
from cbam_core import CBAM_CNN, Classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.network import save_classifier
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD
from tests.conftest import SKIP_BROWSER
from tests.interpreter import Interpreter
from tests.one_thread import one_thread

# The suite draws the same examples every time and keeps none; `--hypothesis-profile=hunt` looks for new ones.
settings.register_profile("suite", derandomize=True, max_examples=60, deadline=None, database=None)
settings.register_profile(
    "hunt", max_examples=3000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "cbam-lens-hypothesis")


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no program that a test starts, sees what this user has fetched or set."""
    torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)  # workers share the cores
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CBAM_") and name != SKIP_BROWSER]:
            patch.delenv(name)
        patch.setenv("CBAM_DATA_DIR", str(tmp_path_factory.getbasetemp() / "nothing-fetched"))
        for device in (torch.cuda, torch.mtia, torch.xpu):
            if not device.is_available():  # torch would note each seed with the whole stack, should there be one later
                patch.setattr(device, "manual_seed_all", lambda _: None)
        yield


@pytest.fixture(name="one_thread")
def _one_thread() -> Iterator[None]:
    """One of torch's threads for each forward."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def interpreter() -> Iterator[Interpreter]:
    """A Python that runs programs which need torch, without what is imported here."""
    with closing(Interpreter()) as one:
        yield one


@pytest.fixture(scope="session")
def tiny_classifier() -> Classifier:
    """A `CBAM_CNN` with seeded random weights, in eval mode; shared, so never changed by a test."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CBAM_CNN().eval()
    return Classifier(
        model=model,
        architecture="CBAM_CNN",
        arguments={"num_classes": 10},
        classes=CLASSES,
        mean=COURSE_MEAN,
        std=COURSE_STD,
        input_size=(32, 32),
        name="tiny",
    )


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds `tiny_classifier`."""
    path = tmp_path_factory.mktemp("checkpoints") / "tiny.safetensors"
    save_classifier(tiny_classifier, path)
    return path


@pytest.fixture
def picture_file(tmp_path: Path) -> Path:
    """A PNG of 60 x 40 seeded random pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return path
