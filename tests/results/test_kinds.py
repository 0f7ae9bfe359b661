from typing import get_args

from cbam_core.results.kinds import AXES, Kind


def test_every_kind_has_axes_in_the_order_of_a_feature_map() -> None:
    assert set(AXES) == set(get_args(Kind))
    for axes in AXES.values():
        assert axes == "".join(axis for axis in "CHW" if axis in axes) != ""
    assert len(set(AXES.values())) == len(AXES)
