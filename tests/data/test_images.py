import hashlib
import io
import os
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from cbam_core.data import images
from cbam_core.data.images import MAX_BYTES, MAX_PIXELS, MAX_SIDE, DecodedImage, decode
from cbam_core.errors import ImageError


def codes(picture: DecodedImage) -> tuple[str, ...]:
    return tuple(note.code for note in picture.notes)


def refused(source) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(source)
    return caught.value


def test_odd_file_is_read_with_its_notes(corpus, odd_name):
    build, expected = corpus.ODD[odd_name]
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


def test_bad_file_is_refused_quickly_in_one_sentence(corpus, bad_name):
    build, expected = corpus.BAD[bad_name]
    content = build()
    started = time.thread_time()
    error = refused(content)
    assert error.code == expected
    assert time.thread_time() - started < 2
    assert "\n" not in str(error)
    assert "{" not in str(error)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_formats_give_the_exact_pixels(corpus, kind):
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[1, 2] = (255, 0, 0)
    pixels[3, 4] = (0, 0, 255)
    assert np.array_equal(decode(corpus.encoded(pixels, kind)).pixels, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_applied_as_pillow_applies_it(corpus, orientation):
    plain = corpus.gradient(6, 4)
    content = corpus.encoded(plain, "PNG", exif=corpus.exif_orientation(orientation))
    with Image.open(io.BytesIO(content)) as opened:
        method = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(orientation)
        expected = opened.copy() if method is None else opened.transpose(Image.Transpose(method))
    picture = decode(content)
    assert np.array_equal(picture.pixels, np.asarray(expected))
    assert codes(picture) == (() if orientation == 1 else ("image.turned",))


def test_photo_held_upright_shows_red_on_top(corpus):
    pixels = decode(corpus.turned_jpeg(6)).pixels
    assert pixels.shape == (32, 16, 3)
    assert pixels[4, 8].argmax() == 0
    assert pixels[28, 8].argmax() == 2


def test_transparency_shows_white_and_not_the_hidden_colour(corpus):
    pixels = decode(corpus.transparent_png()).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 5].tolist() == [127, 127, 127]
    assert pixels[0, 9].tolist() == [0, 255, 0]


def test_transparent_palette_entry_shows_white(corpus):
    pixels = decode(corpus.transparent_palette_png()).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 1].tolist() == [0, 0, 255]


def test_sixteen_bit_grey_is_scaled_and_not_saturated(corpus):
    expected = np.rint(corpus.grey_ramp() / 257).astype(np.uint8)
    for name in ("deep-grey.png", "deep-grey.tif"):
        pixels = decode(corpus.ODD[name][0]()).pixels
        assert np.array_equal(pixels[..., 0], expected)
        assert np.array_equal(pixels[..., 1], expected)


def test_sixteen_bit_tiff_with_white_as_zero_is_turned_round(corpus):
    pixels = decode(corpus.ODD["deep-grey-inverted.tif"][0]()).pixels
    assert pixels[0, 0, 0] == 255
    assert pixels[-1, -1, 0] == 0


def test_twelve_bit_grey_uses_its_own_range(corpus):
    packed = np.array([[0xFF, 0xF0, 0x00]], np.uint8)  # two pixels of 12 bits: 4095 and 0
    content = corpus.tiff(packed, bits=12).replace(b"\0\1\3\0\1\0\0\0\3\0", b"\0\1\3\0\1\0\0\0\2\0")
    assert decode(content).pixels[0, :, 0].tolist() == [255, 0]


def test_transparent_deep_grey_shows_white(corpus):
    pixels = decode(corpus.deep_grey_transparent_png()).pixels
    assert pixels[0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_sixteen_bit_colour_keeps_the_high_byte(corpus):
    pixels = decode(corpus.deep_colour_png()).pixels
    assert pixels[0].tolist() == [[0x12, 0x34, 0xFF], [0, 0x80, 0x7F]]


@pytest.mark.parametrize(
    ("values", "expected", "low", "high"),
    [
        ([[0.0, 0.5, 1.0]], [0, 128, 255], 0, 1),
        ([[0.0, 10.0, 200.0]], [0, 10, 200], 0, 255),
        ([[-10.0, 0.0, 10.0]], [0, 128, 255], -10, 10),
        ([[-3.0, -3.0, -3.0]], [0, 0, 0], -3, -3),
    ],
)
def test_float_grey_is_scaled_by_a_range_that_the_note_names(corpus, values, expected, low, high):
    picture = decode(corpus.float_tiff(np.array(values)))
    assert picture.pixels[0, :, 0].tolist() == expected
    assert picture.notes[0].values == {"low": low, "high": high}


def test_embedded_profile_changes_the_colours(corpus):
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    pixels = decode(corpus.encoded(red, "PNG", icc_profile=corpus.swapped_profile())).pixels
    assert pixels[0, 0].argmax() == 1
    assert pixels[0, 0, 1] > 240


def test_srgb_profile_changes_nothing(corpus):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = decode(corpus.encoded(corpus.gradient(), "PNG", icc_profile=profile))
    assert np.array_equal(picture.pixels, corpus.gradient())
    assert picture.notes == ()


def test_profile_keeps_transparency(corpus):
    pixels = np.full((4, 4, 4), (255, 0, 0, 0), np.uint8)
    pixels[2:, :, 3] = 255
    picture = decode(corpus.encoded(pixels, "PNG", icc_profile=corpus.swapped_profile()))
    assert codes(picture) == ("image.profile", "image.transparent")
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[3, 3].argmax() == 1


def test_printing_colours_follow_their_profile(corpus):
    red, green, blue = decode(corpus.cmyk_jpeg(corpus.cmyk_profile())).pixels[8, 8].astype(int)
    assert red > 180
    assert max(green, blue) < 60


def test_printing_colours_without_a_profile_are_converted_plainly(corpus):
    assert decode(corpus.cmyk_jpeg()).pixels[8, 8].tolist() == pytest.approx([0, 255, 255], abs=3)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_first_frame_is_taken_and_frames_are_counted(corpus, kind):
    picture = decode(corpus.frames(kind, 4))
    assert picture.notes[0].values == {"frames": 4}
    assert picture.pixels[5, 5].tolist() == pytest.approx([255, 0, 0], abs=4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_no_spoiled_byte_leaks_another_exception(corpus, kind):
    whole = np.frombuffer(corpus.encoded(corpus.gradient(), kind), np.uint8)
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


def test_pixel_limit_is_exact_and_asked_before_decoding(corpus, monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 24 * 16)
    assert decode(corpus.encoded(corpus.gradient(24, 16), "PNG")).size == (24, 16)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("pixels were decoded"))
    error = refused(corpus.encoded(corpus.gradient(25, 16), "PNG"))
    assert error.message.values["width"] == 25


def test_refusing_a_bomb_takes_no_memory(corpus):
    import tracemalloc

    content = corpus.bomb_png()
    tracemalloc.start()
    try:
        refused(content)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_byte_limit_is_exact(corpus):
    content = corpus.encoded(corpus.gradient(), "PNG")
    assert decode(content + bytes(MAX_BYTES - len(content))).size == (24, 16)
    assert refused(content + bytes(MAX_BYTES - len(content) + 1)).code == "image.too-many-bytes"


def test_limits_stay_below_pillows_own():
    assert Image.MAX_IMAGE_PIXELS is not None
    assert MAX_PIXELS < Image.MAX_IMAGE_PIXELS


def test_a_side_of_many_rows_is_refused_although_there_are_few_pixels():
    file = io.BytesIO()
    Image.new("L", (1, MAX_SIDE + 1)).save(file, "PNG")
    with pytest.raises(ImageError, match="1 x 65536 pixels; a side may have at most 65535"):
        decode(file.getvalue())


def test_pillows_globals_and_warning_filters_are_left_alone(corpus):
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    decode(corpus.broken_exif_jpeg())
    refused(corpus.halved("JPEG"))
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before


def test_metadata_that_pillow_warns_about_do_not_spoil_a_picture(corpus):
    content = corpus.broken_exif_jpeg()
    with pytest.warns(UserWarning, match="EXIF|Tag data"), Image.open(io.BytesIO(content)) as opened:
        opened.getexif()
    assert decode(content).size == (24, 16)


def test_path_and_bytes_give_the_same(corpus, tmp_path):
    content = corpus.encoded(corpus.gradient(), "PNG")
    path = tmp_path / "ein Bild.png"
    path.write_bytes(content)
    for source in (path, str(path)):
        picture = decode(source)
        assert picture.digest == decode(content).digest
        assert np.array_equal(picture.pixels, corpus.gradient())


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


def test_pillow_image_and_array_give_the_same_digest(corpus):
    pixels = corpus.gradient()
    from_array, from_pillow = decode(pixels), decode(Image.fromarray(pixels))
    assert from_array.digest == from_pillow.digest
    assert np.array_equal(from_array.pixels, from_pillow.pixels)


def test_digest_of_an_array_knows_its_shape():
    pixels = np.zeros((4, 6, 3), np.uint8)
    assert decode(pixels).digest != decode(pixels.reshape(6, 4, 3)).digest


def test_array_is_copied(corpus):
    pixels = corpus.gradient()
    picture = decode(pixels)
    pixels[:] = 0
    assert picture.pixels.any()
    assert pixels.flags.writeable


def test_array_that_is_a_view_becomes_contiguous(corpus):
    pixels = decode(corpus.gradient()[::-1, ::2]).pixels
    assert pixels.flags.c_contiguous
    assert np.array_equal(pixels, corpus.gradient()[::-1, ::2])


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


def test_lazily_opened_pillow_image_with_half_its_bytes_is_refused(corpus):
    with Image.open(io.BytesIO(corpus.halved("PNG"))) as image:
        assert refused(image).code == "image.not-loadable"


def test_many_threads_decode_without_a_mix_up(corpus):
    wrong = []

    def work(shade: int) -> None:
        pixels = np.full((16, 16, 3), shade, np.uint8)
        content = corpus.encoded(pixels, "PNG", icc_profile=b"broken" if shade % 2 else corpus.swapped_profile())
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


def test_small_picture_is_decoded_in_well_under_a_millisecond(corpus):
    content = corpus.encoded(corpus.gradient(32, 32), "PNG")
    times = []
    for _ in range(200):
        started = time.thread_time()
        decode(content)
        times.append(time.thread_time() - started)
    assert np.median(times) < 1e-3


def test_one_rule_for_black_and_white_in_every_container(corpus):
    """The same numbers give the same pixels, whatever file they come in."""
    names = ("xray-12-in-16.png", "xray-12-in-16.tif", "xray-12-in-32.tif", "xray-12-in-float.tif")
    expected = np.rint(corpus.xray().astype(float) * 255 / 4095).astype(np.uint8)
    for name in names:
        picture = decode(corpus.ODD[name][0]())
        assert np.array_equal(picture.pixels[..., 0], expected), name
        assert picture.notes[0].values == {"low": 0, "high": 4095}


@pytest.mark.parametrize(("top", "high"), [(255, 255), (1023, 1023), (1500, 4095), (16383, 16383), (40000, 65535)])
def test_values_without_a_declared_range_have_the_smallest_usual_depth(corpus, top, high):
    assert decode(corpus.encoded(corpus.xray(top), "PNG")).notes[0].values == {"low": 0, "high": high}


def test_declared_range_goes_before_the_values(corpus):
    picture = decode(corpus.ODD["xray-declared.tif"][0]())
    assert picture.notes[0].values == {"low": 0, "high": 1000}
    assert picture.pixels.max() == round(255 * 0.9)
    wrong = decode(corpus.tiff(corpus.xray(900), bits=16, limits=(0, 500)))
    assert wrong.notes[0].values == {"low": 0, "high": 1023}


def test_significant_bits_of_a_png_are_its_range(corpus):
    values = corpus.encoded(corpus.xray(3000), "PNG")
    declared = values[:33] + corpus.png_chunk(b"sBIT", bytes([14])) + values[33:]
    assert decode(declared).notes[0].values == {"low": 0, "high": 16383}
    small = values[:33] + corpus.png_chunk(b"sBIT", bytes([10])) + values[33:]
    assert decode(small).notes[0].values == {"low": 0, "high": 4095}


def test_a_narrow_range_is_named_and_can_be_stretched(corpus):
    content = corpus.ODD["xray-dim.tif"][0]()
    dim, stretched = decode(content), decode(content, stretch=True)
    assert dim.notes[1].values == {"percent": 10}
    assert (int(dim.pixels.max()), int(stretched.pixels.max())) == (26, 255)
    assert stretched.notes[0].values == {"low": 0, "high": 900}
    assert codes(stretched) == ("image.scaled",)


def test_dark_colours_of_sixteen_bits_follow_the_same_rule(corpus):
    content = corpus.deep_dark_png()
    assert decode(content).pixels[0].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    bright = corpus.deep_colour_png()
    assert codes(decode(bright)) == ("image.16-bit",)


def test_the_other_ground_can_be_chosen(corpus):
    pixels = decode(corpus.transparent_png(), ground="black").pixels
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[0, 9].tolist() == [0, 255, 0]


def test_jpeg_that_lacks_its_end_has_every_pixel(corpus):
    whole = corpus.photo()
    assert np.array_equal(decode(whole[:-2]).pixels, decode(whole).pixels)


@pytest.mark.parametrize("missing", [30, 400, 1500])
def test_rows_of_a_jpeg_that_are_said_to_be_there_are_right(corpus, missing):
    whole = corpus.photo()
    picture = decode(whole[:-missing])
    percent = picture.notes[0].values["percent"]
    rows = 240 * percent // 100
    assert 50 <= percent < 100
    assert np.array_equal(picture.pixels[:rows], decode(whole).pixels[:rows])
    assert f"{percent} % of the rows are there" in str(picture.notes[0])


def test_jpeg_of_which_most_is_missing_is_refused(corpus):
    whole = corpus.photo()
    assert refused(whole[: len(whole) // 3]).code == "image.damaged"


def test_large_jpeg_is_decoded_at_a_reduced_size(corpus):
    picture = decode(corpus.large_jpeg(8192, 6144))
    assert picture.size == (4096, 3072)
    assert picture.notes[0].values == {"width": 8192, "height": 6144, "scale": 2}
    assert picture.pixels[1500, [100, -100], 0].tolist() == pytest.approx([40, 200], abs=2)


def test_reduced_decoding_is_the_mean_of_the_pixels(corpus, monkeypatch):
    whole = corpus.photo(width=256, height=192, quality=95, subsampling=0)
    full = decode(whole).pixels.astype(float)
    monkeypatch.setattr(images, "MAX_PIXELS", 256 * 192 // 4)
    reduced = decode(whole)
    assert reduced.size == (128, 96)
    means = full.reshape(96, 2, 128, 2, 3).mean(axis=(1, 3))
    smooth = means[..., :2]  # the third channel jumps from 255 to 0
    assert np.abs(reduced.pixels[..., :2] - smooth).mean() < 2


def test_panorama_is_read(corpus):
    assert decode(corpus.large_jpeg(20_000, 4_000)).size == (10_000, 2_000)


def test_heic_is_read_by_the_optional_decoder(corpus, monkeypatch):
    class Decoder:
        @staticmethod
        def HeifImageFile(file):  # noqa: N802 - the decoder's own name
            assert file.read()[4:12] == b"ftypheic"
            return Image.open(io.BytesIO(corpus.encoded(corpus.gradient(), "PNG")))

    monkeypatch.setitem(sys.modules, "pillow_heif", Decoder)
    assert np.array_equal(decode(corpus.heic()).pixels, corpus.gradient())


def test_heic_is_named_whatever_its_ending(corpus, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "HEIC photo" in str(refused(corpus.heic()))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("nikon.nef", "NIKON"),
        ("negative.dng", "DNG"),
        ("canon.cr2", "CR2"),
        ("sensor.tif", "TIFF"),
        ("scan.dcm", "DICOM"),
        ("page.jpg", "HTML"),
        ("film.mp4", "video"),
    ],
)
def test_other_files_are_named(corpus, name, word):
    assert word in str(refused(corpus.BAD[name][0]()))
