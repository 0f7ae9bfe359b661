"""Codes of the notes on a picture, and the error where it is refused."""

import pytest

from cbam_core.data.images import DecodedImage, decode
from cbam_core.errors import ImageError


def codes(picture: DecodedImage) -> tuple[str, ...]:
    return tuple(note.code for note in picture.notes)


def refused(source) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(source)
    return caught.value
