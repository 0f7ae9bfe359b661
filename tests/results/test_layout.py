"""Settings of a figure for print."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from cbam_core.errors import RenderError
from cbam_core.results.layout import COLUMN, PAGE, Layout, LayoutOptions
from cbam_core.results.look import Look


def test_options_are_the_attributes_of_a_layout() -> None:
    assert set(LayoutOptions.__annotations__) == {field.name for field in fields(Layout)} | {"colors"}
    assert Layout.of({"colors": "magma"}) == Layout.of({"colours": "magma"}) == Layout(colours="magma")


def test_one_part_or_block_needs_no_list() -> None:
    options: Any = {"parts": "masks", "blocks": "cbam1"}
    assert (Layout.of(options).parts, Layout.of(options).blocks) == (("masks",), ("cbam1",))


def test_an_unknown_option_is_refused_with_those_that_there_are() -> None:
    options: Any = {"widht": 84}
    with pytest.raises(RenderError, match="unknown option 'widht'; choose from width, parts, blocks, reading"):
        Layout.of(options)


def test_widths_of_a_page_and_a_column_are_those_of_journals() -> None:
    assert (COLUMN, PAGE, Layout().width) == (84, 174, 174)
    assert Layout(width=COLUMN).is_narrow
    assert not Layout().is_narrow


def test_a_layout_has_a_look() -> None:
    assert Layout(colours="magma", reading="usual", width=90).look == Look(colours="magma", reading="usual")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": 10}, "a figure's width must lie between 60 and 400 mm; given 10"),
        ({"width": float("nan")}, "width"),
        ({"size": 40}, "a figure's size must lie between 5 and 14 pt"),
        ({"parts": ("mask",)}, "unknown part 'mask'; choose from input, "),
        ({"parts": ()}, "a figure needs parts"),
        ({"order": "random"}, "unknown order 'random'"),
        ({"colours": "jet"}, "unknown colours 'jet'"),
    ],
)
def test_a_wrong_value_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(RenderError, match=said):
        Layout(**options)
