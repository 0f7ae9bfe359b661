"""Starts the app with a test set, the bundled images over and over, and with a network that takes its time on them."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.services import class_means as classes
from cbam_core.cli import run
from cbam_core.data import cifar10
from cbam_core.data.samples import sample_sheet
from cbam_core.evaluation.class_means import GateSums

COUNT = 1_000
SECONDS = 1.0
"""What every step of the means takes, until a file called `HURRY` lies in the folder."""
HURRY, CALLED = "hurry", "called"
"""Files by which a test tells the app to hurry, and learns that the app calls what stands in here."""


class SlowSums(GateSums):
    """Takes its time for every step, until there is a reason to hurry."""

    def take_in(self, seen, labels):
        (folder / CALLED).touch()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not (folder / HURRY).exists():
            time.sleep(0.05)
        super().take_in(seen, labels)


if __name__ == "__main__":
    folder = Path(sys.argv.pop(1))
    (folder / "cifar10").mkdir()
    sheet = sample_sheet()
    for name, array in (("test_images", sheet.images), ("test_labels", sheet.labels)):
        array = np.concatenate([array] * (COUNT // len(array)))
        cifar10.FILES[name] = replace(cifar10.FILES[name], shape=array.shape)
        np.save(folder / "cifar10" / f"{name}.npy", array)
    os.environ["CBAM_DATA_DIR"] = str(folder)
    classes.GateSums = SlowSums
    run()
