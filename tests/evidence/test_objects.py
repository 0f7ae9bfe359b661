"""All tests of masks at once."""

from __future__ import annotations

import pytest

from cbam_core.errors import CbamError, ImageError
from cbam_core.evidence.objects import SHARES, object_tests
from cbam_core.results.objects import TESTS
from tests.evidence.planted_masks import by_content, noise, planted_mask


def test_all_tests_are_made_and_progress_goes_to_the_end() -> None:
    shares: list[float] = []
    found = object_tests(planted_mask(by_content), noise(2), report=shares.append)
    assert [getattr(found, name) is not None for name in TESTS] == [True] * 4
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert set(SHARES) == set(TESTS)
    assert found.as_dict()["shift"]["rows"][0]["verdict"] == "follows"


def test_what_a_network_does_not_allow_is_left_out_with_its_reason() -> None:
    network = planted_mask(by_content, classes=())
    found = object_tests(network, noise(1)[0], ("shift", "deletion"))
    assert found.tiles is None
    assert "planted has no classes" in str(found.left_out["deletion"])
    assert str(found).splitlines()[-1] == str(found.left_out["deletion"])


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(CbamError, match="unknown test 'all'; expected some of shift, tiles, deletion, randomised"):
        object_tests(planted_mask(by_content), noise(1)[0], ("all",))
    with pytest.raises(ImageError, match="can be moved by 1 to 8 pixels"):
        object_tests(planted_mask(by_content), noise(1)[0], ("shift",), pixels=40)
