"""Folders of pictures for tests."""

from PIL import Image


def put(path, colour, size=(5, 4)):
    """Write a picture of one colour, (width, height) pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
