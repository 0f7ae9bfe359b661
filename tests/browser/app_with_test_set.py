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

COUNT, SECONDS = 500, 0.4


class SlowSums(GateSums):
    """Takes seconds for every step."""

    def add(self, images, labels):
        time.sleep(SECONDS)
        super().add(images, labels)


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
