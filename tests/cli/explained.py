"""What tests read from the results of ``cbam explain``."""

import numpy as np


def line_on(explanation, look):
    return f"{explanation.image_digest} {explanation.fit} {look}".encode()


def shades(out):
    """Colour of each explained image, by the folder of its results."""
    found = {}
    for values in out.rglob("values.npz"):
        with np.load(values) as arrays:
            found[values.parent.relative_to(out).as_posix()] = int(arrays["input_image"][0, 0, 0])
    return found


def left_out(photos):
    """What is said of the files of the fixture `photos` that are no images."""
    why = "1 hidden, 1 without the ending of an image"
    return f"cbam: 2 files in {photos} left out ({why}), the first is .hidden.png\n"
