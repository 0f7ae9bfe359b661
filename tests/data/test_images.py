"""Pictures from files, bytes, Pillow and arrays: read with notes, or refused in one sentence, within limits."""

import hashlib
import io
import os
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from cbam_core.data import images
from cbam_core.data.images import MAX_BYTES, MAX_PIXELS, MAX_SIDE, decode
from cbam_core.errors import ImageError
from tests.corpus import costly_image_files, image_files
from tests.corpus.images import BAD, ODD
from tests.data.decoding import codes, refused


def test_odd_file_is_read_with_its_notes(odd_name):
    build, expected = ODD[odd_name]
    content = build()
    started = time.thread_time()
    picture = decode(content)
    assert codes(picture) == expected
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert not picture.pixels.flags.writeable
    assert picture.digest == hashlib.sha256(content).hexdigest()
    assert all(str(note) and "{" not in str(note) for note in picture.notes)
    assert time.thread_time() - started < 5


def test_bad_file_is_refused_quickly_in_one_sentence(bad_name):
    build, expected = BAD[bad_name]
    content = build()
    started = time.thread_time()
    error = refused(content)
    assert error.code == expected
    assert time.thread_time() - started < 2
    assert "\n" not in str(error)
    assert "{" not in str(error)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_formats_give_the_exact_pixels(kind):
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[1, 2] = (255, 0, 0)
    pixels[3, 4] = (0, 0, 255)
    assert np.array_equal(decode(image_files.encoded(pixels, kind)).pixels, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_applied_as_pillow_applies_it(orientation):
    plain = image_files.gradient(6, 4)
    content = image_files.encoded(plain, "PNG", exif=image_files.exif_orientation(orientation))
    with Image.open(io.BytesIO(content)) as opened:
        method = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(orientation)
        expected = opened.copy() if method is None else opened.transpose(Image.Transpose(method))
    picture = decode(content)
    assert np.array_equal(picture.pixels, np.asarray(expected))
    assert codes(picture) == (() if orientation == 1 else ("image.turned",))


def test_photo_held_upright_shows_red_on_top():
    pixels = decode(image_files.turned_jpeg(6)).pixels
    assert pixels.shape == (32, 16, 3)
    assert pixels[4, 8].argmax() == 0
    assert pixels[28, 8].argmax() == 2


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_first_frame_is_taken_and_frames_are_counted(kind):
    picture = decode(image_files.frames(kind, 4))
    assert picture.notes[0].values == {"frames": 4}
    assert picture.pixels[5, 5].tolist() == pytest.approx([255, 0, 0], abs=4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_no_spoiled_byte_leaks_another_exception(kind):
    whole = np.frombuffer(image_files.encoded(image_files.gradient(), kind), np.uint8)
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(300):
        spoiled = whole.copy()
        spoiled[rng.integers(0, min(len(whole), 300), 3)] = rng.integers(0, 256, 3)
        try:
            decode(spoiled[: rng.integers(len(whole) // 2, len(whole) + 1)].tobytes())
            outcomes.add("read")
        except ImageError:
            outcomes.add("refused")
    assert "refused" in outcomes


def test_pixel_limit_is_exact_and_asked_before_decoding(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 24 * 16)
    assert decode(image_files.encoded(image_files.gradient(24, 16), "PNG")).size == (24, 16)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("pixels were decoded"))
    error = refused(image_files.encoded(image_files.gradient(25, 16), "PNG"))
    assert error.message.values["width"] == 25


def test_refusing_a_bomb_takes_no_memory():
    import tracemalloc

    content = costly_image_files.bomb_png()
    tracemalloc.start()
    try:
        refused(content)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_byte_limit_is_exact():
    content = image_files.encoded(image_files.gradient(), "PNG")
    assert decode(content + bytes(MAX_BYTES - len(content))).size == (24, 16)
    assert refused(content + bytes(MAX_BYTES - len(content) + 1)).code == "image.too-many-bytes"


def test_limits_stay_below_pillows_own():
    assert Image.MAX_IMAGE_PIXELS is not None
    assert MAX_PIXELS < Image.MAX_IMAGE_PIXELS


def test_a_side_of_many_rows_is_refused_although_there_are_few_pixels():
    file = io.BytesIO()
    Image.new("L", (1, MAX_SIDE + 1)).save(file, "PNG")
    with pytest.raises(ImageError, match="1×65536 pixels; a side may have at most 65535"):
        decode(file.getvalue())


def test_pillows_globals_and_warning_filters_are_left_alone():
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    decode(image_files.broken_exif_jpeg())
    refused(image_files.halved("JPEG"))
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before


def test_metadata_that_pillow_warns_about_do_not_spoil_a_picture():
    content = image_files.broken_exif_jpeg()
    with pytest.warns(UserWarning, match="EXIF|Tag data"), Image.open(io.BytesIO(content)) as opened:
        opened.getexif()
    assert decode(content).size == (24, 16)


def big_tiff():
    file = io.BytesIO()
    Image.fromarray(image_files.gradient()).save(file, "TIFF", big_tiff=True)
    return file.getvalue()


def with_the_directory_last():
    """As cameras and many programs write it; the last four bytes say that there is no second page."""
    return image_files.tiff(np.arange(240, dtype=np.uint8).reshape(12, 20), bits=8)


@pytest.mark.parametrize("bytes_lost", [5, 30, 123, 126, 200])
def test_a_tiff_that_ends_before_or_in_its_directory_is_refused_without_a_warning(bytes_lost):
    with warnings.catch_warnings(record=True) as warned:  # as errors, they would be refusals
        warnings.simplefilter("always")
        assert refused(with_the_directory_last()[:-bytes_lost]).code == "image.damaged"
        assert refused(big_tiff()[:12]).code == "image.damaged"
    assert not warned


def test_a_big_tiff_is_refused_where_its_directory_is_said_to_be_far_away_or_endless():
    whole = big_tiff()
    for at in (8, int.from_bytes(whole[8:16], "little")):
        assert refused(whole[:at] + b"\xff" * 8 + whole[at + 8 :]).code == "image.damaged"
    assert np.array_equal(decode(whole).pixels, image_files.gradient())


@pytest.mark.parametrize("bytes_lost", [1, 4])
def test_a_tiff_that_lacks_just_the_address_of_a_second_page_is_read_without_a_warning(bytes_lost):
    whole = with_the_directory_last()
    assert np.array_equal(decode(whole[:-bytes_lost]).pixels, decode(whole).pixels)


def test_path_and_bytes_give_the_same(tmp_path):
    content = image_files.encoded(image_files.gradient(), "PNG")
    path = tmp_path / "ein Bild.png"
    path.write_bytes(content)
    for source in (path, str(path)):
        picture = decode(source)
        assert picture.digest == decode(content).digest
        assert np.array_equal(picture.pixels, image_files.gradient())


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda folder: folder / "nothing.png", "image.missing"),
        (lambda folder: folder, "image.folder"),
        (lambda folder: "", "image.folder"),
        (lambda folder: "a\0b.png", "image.unreadable"),
        (lambda folder: "x" * 5000, "image.unreadable"),
    ],
)
def test_path_without_a_picture_is_one_sentence(tmp_path, make, code):
    error = refused(make(tmp_path))
    assert error.code == code
    assert "\n" not in str(error)


def test_large_file_is_refused_before_reading(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("the file was read"))
    assert refused(path).code == "image.too-many-bytes"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert refused(tmp_path / "pipe.png").code == "image.no-file"


def test_pillow_image_and_array_give_the_same_digest():
    pixels = image_files.gradient()
    from_array, from_pillow = decode(pixels), decode(Image.fromarray(pixels))
    assert from_array.digest == from_pillow.digest
    assert np.array_equal(from_array.pixels, from_pillow.pixels)


def test_digest_of_an_array_knows_its_shape():
    pixels = np.zeros((4, 6, 3), np.uint8)
    assert decode(pixels).digest != decode(pixels.reshape(6, 4, 3)).digest


def test_array_is_copied():
    pixels = image_files.gradient()
    picture = decode(pixels)
    pixels[:] = 0
    assert picture.pixels.any()
    assert pixels.flags.writeable


def test_array_that_is_a_view_becomes_contiguous():
    pixels = decode(image_files.gradient()[::-1, ::2]).pixels
    assert pixels.flags.c_contiguous
    assert np.array_equal(pixels, image_files.gradient()[::-1, ::2])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_other_arrays_are_refused_with_what_was_given(array):
    error = refused(array)
    assert error.code == "image.wrong-array"
    assert str(array.shape) in str(error)


def test_whole_numbers_that_are_colours_are_read_as_such():
    pixels = image_files.gradient()
    assert decode(pixels.astype(np.int64)).digest == decode(pixels).digest
    for other in (pixels.astype(np.int64) + 1, pixels.astype(np.int16) - 1, pixels.astype(np.uint16)):
        assert refused(other).code == "image.wrong-array"


def test_open_files_and_buffers_are_read_as_their_bytes(tmp_path):
    content = image_files.encoded(image_files.gradient(), "PNG")
    (tmp_path / "photo.png").write_bytes(content)
    expected = decode(content).digest
    for source in (bytearray(content), memoryview(content), io.BytesIO(content)):
        assert decode(source).digest == expected
    with (tmp_path / "photo.png").open("rb") as opened:
        assert decode(opened).digest == expected


@pytest.mark.parametrize("size", [(0, 4), (4, 0)])
def test_picture_without_pixels_is_refused(size):
    assert refused(np.zeros((*size, 3), np.uint8)).code == "image.no-pixels"
    assert refused(Image.new("RGB", size)).code == "image.no-pixels"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA"])
def test_pillow_image_of_every_mode_is_read_and_left_as_it_was(mode):
    image = Image.new("RGB", (5, 4), "white").convert(mode)
    before = image.tobytes()
    picture = decode(image)
    assert picture.pixels.min() >= (254 if mode == "LAB" else 255)
    assert (image.mode, image.tobytes()) == (mode, before)


def test_lazily_opened_pillow_image_with_half_its_bytes_is_refused():
    with Image.open(io.BytesIO(image_files.halved("PNG"))) as image:
        assert refused(image).code == "image.not-loaded"


def test_many_threads_decode_without_a_mix_up():
    wrong = []

    def work(shade: int) -> None:
        pixels = np.full((16, 16, 3), shade, np.uint8)
        content = image_files.encoded(
            pixels, "PNG", icc_profile=b"broken" if shade % 2 else image_files.swapped_profile()
        )
        for _ in range(50):
            picture = decode(content)
            expected = "image.profile-ignored" if shade % 2 else None
            if np.abs(picture.pixels.astype(int) - shade).max() > 1 or (expected and codes(picture) != (expected,)):
                wrong.append(shade)

    threads = [threading.Thread(target=work, args=(40 * k + k % 2,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_small_picture_is_decoded_in_well_under_a_millisecond():
    content = image_files.encoded(image_files.gradient(32, 32), "PNG")
    times = []
    for _ in range(200):
        started = time.thread_time()
        decode(content)
        times.append(time.thread_time() - started)
    assert np.median(times) < 1e-3


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"PK\3\4" + bytes(100), "unpack it"),
        (b"\x1f\x8b\x08" + bytes(100), "unpack it"),
    ],
)
def test_what_came_instead_of_an_image_says_how_to_get_that(content, advice):
    assert advice in str(refused(content))
