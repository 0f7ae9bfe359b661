"""How masks are drawn: checked once, for everything that draws."""

import pytest

from cbam_core.errors import RenderError
from cbam_core.results.look import COLOUR_TABLES, DEFAULT_LOOK, Look, as_scale, suits


@pytest.mark.parametrize("opacity", [0.0, 0.35, 1.0])
def test_an_opacity_from_0_to_1_is_kept(opacity):
    assert Look(opacity=opacity).opacity == opacity


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        ({"colours": "jet"}, "render.unknown-colours", "'jet'; choose one of viridis, magma, cividis, greys"),
        ({"opacity": -0.1}, "render.opacity", "between 0 and 1; given -0.1"),
        ({"opacity": 1.5}, "render.opacity", "between 0 and 1; given 1.5"),
        ({"opacity": float("nan")}, "render.opacity", "given nan"),
    ],
)
def test_a_value_that_no_look_can_have_is_one_sentence(wrong, code, said):
    with pytest.raises(RenderError, match=said) as caught:
        Look(**wrong)
    assert caught.value.code == code
    ((name, value),) = wrong.items()
    assert not suits(name, value)


def test_the_look_when_nobody_chooses():
    assert Look(colours="viridis", scale="unit", opacity=0.5, smooth=False) == DEFAULT_LOOK


def test_a_scale_is_taken_by_its_name():
    assert [as_scale(name) for name in ("unit", "stretch")] == ["unit", "stretch"]
    with pytest.raises(RenderError, match="'log'; choose one of unit, stretch") as caught:
        as_scale("log")
    assert caught.value.code == "render.unknown-scale"


@pytest.mark.parametrize(
    ("name", "value"),
    [("colours", ["viridis"]), ("scale", 1), ("opacity", "0.5"), ("opacity", True), ("smooth", "yes"), ("smooth", 1)],
)
def test_a_value_of_another_type_does_not_suit(name, value):
    assert not suits(name, value)
    assert suits(name, getattr(DEFAULT_LOOK, name))


def test_every_colour_table_has_256_colours():
    assert {len(rgb) for rgb in COLOUR_TABLES.values()} == {256 * 3}
    assert DEFAULT_LOOK.colours in COLOUR_TABLES
