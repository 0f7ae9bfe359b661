import numpy as np
import pytest

from cbam_core.atlas.cube import cells_of
from cbam_core.atlas.principal import PrincipalAxes
from cbam_core.atlas.tables import OTHERS, ExtremeTable, GroupTable, Tables
from tests.atlas.made_atlas import atlas


def gathered(made, *, merged):
    """Sums of a made atlas by label and answer, as a plain loop gives them; wrong answers of a label can be merged."""
    sums = {}
    for image in made.select().tolist():
        label, answer = int(made.labels[image]), int(made.answers[image])
        if merged and label not in (answer, -1):
            answer = OTHERS
        row = made.contents.values[image].astype(np.float64)
        count, total, squares = sums.get((label, answer), (0, 0, 0))
        sums[label, answer] = count + 1, total + row, squares + row**2
    keys = sorted(sums)
    counts, totals, squares = zip(*(sums[key] for key in keys), strict=True)
    table = GroupTable(np.array(keys, np.int32), np.array(counts), np.array(totals), np.array(squares))
    wide = made.contents.values.shape[1]
    none = np.zeros((0, wide), np.int32), np.zeros((0, wide), np.float16)
    axes = PrincipalAxes(np.zeros(wide), np.zeros((0, wide), np.float32), np.zeros(0), 0)
    return Tables("", table, ExtremeTable(*none, *none), axes)


@pytest.fixture(params=[False, True], ids=["pairs", "merged"])
def both(request):
    """An atlas without sums, and the same one with them; one image in ten has no label."""
    labels = atlas().labels.copy()
    labels[::10] = -1
    made = atlas(labels=labels)
    return made, atlas(labels=labels, tables=gathered(made, merged=request.param)), request.param


WHERES = (None, {"class": "cat"}, {"right": False}, {"class": ["cat", "dog"], "right": True}, {"answer": "ship"})


@pytest.mark.parametrize("where", WHERES, ids=str)
@pytest.mark.parametrize("by", ["class", "answer", "right", "pair"])
def test_sums_give_the_profile_that_rows_give(both, by, where):
    plain, summed, _ = both
    one, two = plain.profile("two.full", by, where), summed.profile("two.full", by, where)
    assert one.groups == two.groups
    assert one.wheres == two.wheres
    for name in ("counts", "mean", "low", "high", "selectivity"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=1e-7, err_msg=name)
    assert one.chance == two.chance


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_sums_give_the_mask_that_rows_give(both, where):
    plain, summed, _ = both
    one, two = plain.mask("one", where), summed.mask("one", where)
    np.testing.assert_allclose(one.mean, two.mean, atol=1e-9)
    np.testing.assert_allclose(one.deviation, two.deviation, atol=1e-7)
    assert one.count == two.count


def test_merged_sums_answer_only_what_they_can(both):
    _, summed, merged = both
    assert cells_of(summed, {"class": "cat", "right": False}) is not None
    assert (cells_of(summed, {"answer": "cat"}) is None) == merged
    assert (cells_of(summed, None, "pair") is None) == merged
    assert cells_of(summed, {"confidence": (0, 1)}) is None
    assert cells_of(summed, [1, 2]) is None
    assert cells_of(summed, None, "camera") is None
    assert cells_of(atlas(), None) is None
