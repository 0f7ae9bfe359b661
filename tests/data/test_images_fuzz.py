"""Whatever the bytes, decoding gives a picture or says in one sentence why not, in bounded time and memory."""

from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cbam_core.data.images import MAX_PIXELS, DecodedImage, decode
from cbam_core.errors import ImageError
from tests.corpus.images import BAD, ODD
from tests.mutation import bounded, edits, mutated

MEMORY = 900
"""MB: the largest picture that is read, in four bytes a pixel and in three, several times over."""

NAMES = sorted(ODD | BAD)


@cache
def file(name):
    return (ODD | BAD)[name][0]()


def assert_picture_or_sentence(content):
    picture = refusal = None
    with bounded(MEMORY):
        try:
            picture = decode(content)
        except ImageError as error:
            refusal = error
    if refusal is not None:
        assert refusal.code.startswith("image.")
        assert 10 < len(str(refusal)) < 400
        assert "\n" not in str(refusal)
        return
    assert isinstance(picture, DecodedImage)
    assert picture.pixels.dtype == np.uint8
    assert 0 < picture.pixels.shape[0] * picture.pixels.shape[1] <= MAX_PIXELS
    assert all(str(note) for note in picture.notes)


@given(name=st.sampled_from(NAMES), changes=edits())
def test_a_damaged_file_is_a_picture_or_a_sentence(name, changes):
    assert_picture_or_sentence(mutated(file(name), changes))


@given(
    one=st.sampled_from(NAMES),
    other=st.sampled_from(NAMES),
    start=st.integers(0, 1_000_000),
    end=st.integers(0, 1_000_000),
)
def test_two_files_joined_are_a_picture_or_a_sentence(one, other, start, end):
    first, second = file(one), file(other)
    assert_picture_or_sentence(first[: start * len(first) // 1_000_000] + second[end * len(second) // 1_000_000 :])


@given(content=st.binary(max_size=400), name=st.sampled_from(NAMES))
def test_any_bytes_after_a_files_first_ones_are_a_picture_or_a_sentence(content, name):
    assert_picture_or_sentence(file(name)[:16] + content)
