import copy
import pickle

import pytest

from cbam_core import errors
from cbam_core.errors import CbamError, ImageError, Message, reason_of, text_of, unbroken


def test_an_error_is_its_sentence_filled_in():
    error = ImageError("image.odd", "{count} pixels are {what}", count=3, what="odd")
    assert str(error) == "3 pixels are odd"
    assert (error.code, error.message.values) == ("image.odd", {"count": 3, "what": "odd"})


@pytest.mark.parametrize("again", [copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_travel_between_processes_whole(again):
    error = again(ImageError("image.odd", "{count} pixels", count=3))
    assert type(error) is ImageError
    assert error.message == Message("image.odd", "{count} pixels", {"count": 3})


def test_braces_in_a_value_are_only_text():
    assert str(CbamError("x", "no {name}", name="{0.__class__}")) == "no {0.__class__}"


def test_the_tree_in_the_docstring_is_the_tree():
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CbamError)}
    assert all(f" {name} " in errors.__doc__ or f"{name}\n" in errors.__doc__ for name in kinds)


def test_a_message_as_values_says_its_text_too():
    assert Message("a.b", "{n} left", {"n": 2}).as_dict() == {"code": "a.b", "values": {"n": 2}, "text": "2 left"}


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("{count} images", {"count": 1}, "1 image"),
        ("{count} images", {"count": 2}, "2 images"),
        ("names {given} classes, but", {"given": 1}, "names 1 class, but"),
        ("{count:,} batches are left", {"count": 1}, "1 batch is left"),
        ("{width}×{height} pixels", {"width": 5, "height": 1}, "5×1 pixels"),
        ("{done} of {count} images are done", {"done": 1, "count": 1}, "1 of 1 images are done"),
        ("{name} images", {"name": "1 images"}, "1 images images"),
    ],
)
def test_one_of_something_is_singular(template, values, text):
    assert str(Message("any", template, values)) == text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(13, "Permission denied", "/secret/file"), "Permission denied"),
        (OSError("no such device"), "no such device"),
        (ValueError("not a number"), "not a number"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=["system", "text of the system's", "text", "name"],
)
def test_a_reason_is_what_the_system_says_else_the_text_or_the_name(error, said):
    assert reason_of(error) == said


def test_no_line_of_a_page_ends_between_a_number_and_its_percent_sign():
    assert unbroken("{share:.1f} % of 20 % (5 %), 3 % 4") == "{share:.1f}\xa0% of 20\xa0% (5\xa0%), 3\xa0% 4"
    for other in ("share %", "100%", "channel %{x}", "5 %d"):
        assert unbroken(other) == other


def test_an_error_whose_text_cannot_be_made_has_none():
    class OddError(Exception):
        def __str__(self):
            raise KeyError("no text")

    assert (text_of(OddError()), reason_of(OddError())) == ("", "OddError")
