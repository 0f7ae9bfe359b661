"""Files are taken for what they are."""

from __future__ import annotations

import io

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from app.widgets.network_file import is_network_file


def written(form, size=(9, 123)):
    """An image file; a GIF of this height has in its header the brace with which the JSON of safetensors begins."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8)).save(file, form)
    return file.getvalue()


def weights(**options):
    file = io.BytesIO()
    torch.save({"weight": torch.zeros(3)}, file, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "is_network"),
    [
        ("photo.png", written("PNG"), False),
        ("photo.gif", written("GIF"), False),
        ("photo.pth", written("JPEG"), False),
        ("weights.png", weights(), True),
        ("weights.jpg", weights(_use_new_zipfile_serialization=False), True),
        ("weights.png", safetensors.torch.save({"weight": torch.zeros(3)}), True),
        ("weights.pth", weights(), True),
        ("weights.pth", b"version https://git-lfs.github.com/spec/v1", True),
        ("text.png", b"no picture", False),
        ("archive.png", b"PK\3\4" + bytes(400), False),
    ],
)
def test_content_says_what_a_file_is_and_its_name_only_where_the_content_does_not(name, content, is_network):
    assert is_network_file(name, content) == is_network
