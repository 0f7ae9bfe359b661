"""Which mask stands below the images of a list."""

import numpy as np

from app.atlas import pairs
from cbam_core.atlas.gate import AtlasGate
from tests.atlas.made_atlas import atlas


def test_the_mask_that_varies_most_from_image_to_image_is_shown_and_not_the_one_with_few_high_cells():
    low = np.full((10, 6, 6), 0.01)
    low[:, 0, 0] = 0.4  # of the mean, no mask differs more from place to place; it is the same for every image
    varied = np.where(np.arange(10)[:, None, None] % 2, 0.8, 0.3) * np.ones((10, 6, 6))
    coarse = np.where(np.arange(10)[:, None, None] % 2, 1.0, 0.0) * np.ones((10, 2, 2))
    values = np.concatenate([one.reshape(10, -1) for one in (low, varied, coarse)], axis=1).astype(np.float16)
    gates = (
        AtlasGate("low.spatial", "low", "spatial", 1, (6, 6), 0),
        AtlasGate("varied.spatial", "varied", "spatial", 1, (6, 6), 36),
        AtlasGate("coarse.spatial", "coarse", "spatial", 1, (2, 2), 72),
    )
    made = atlas(10, gates=gates, values=values)
    assert pairs.gates_with_masks(made, None) == list(gates)
    assert pairs.most_varied(made, gates) is gates[1]
    assert pairs.most_varied(made, [gates[0], gates[2]]) is gates[0]  # four cells do not show where
    assert pairs.most_varied(made, [gates[2]]) is gates[2]


def test_a_mask_that_need_not_lie_between_0_and_1_is_measured_by_its_mean():
    flat = np.full((10, 36), 100.0)
    flat[::2] += 5
    values = np.concatenate([flat, np.where(np.arange(10)[:, None] % 2, 0.2, 0.6) * np.ones((10, 36))], axis=1)
    gates = (
        AtlasGate("wide.spatial", "wide", "spatial", 1, (6, 6), 0, squashed=False),
        AtlasGate("plain.spatial", "plain", "spatial", 1, (6, 6), 36),
    )
    made = atlas(10, gates=gates, values=values.astype(np.float16))
    assert pairs.most_varied(made, gates) is gates[1]
