"""Atlases of random gates, small enough to recompute by hand."""

import numpy as np

from cbam_core.atlas.atlas import Atlas
from cbam_core.atlas.contents import Contents, ThumbnailArray
from cbam_core.atlas.gate import AtlasGate

CLASSES = ("cat", "dog", "ship")
SHAPES = {
    "one.channel": ("channel", (4,)),
    "one.spatial": ("spatial", (3, 5)),
    "two.full": ("full", (2, 3, 2)),
    "two#2.row": ("row", (2, 3)),
    "two#2.column": ("column", (2, 4)),
}


def gates(shapes=SHAPES):
    first, found = 0, []
    for name, (kind, shape) in shapes.items():
        call = 2 if "#2" in name else 1
        found.append(AtlasGate(name, name.split(".")[0], kind, call, shape, first))
        first += found[-1].size
    return tuple(found)


def contents(count=60, seed=0, **changed):
    """Contents in which a class moves the gates, with one image that was not read where there are more than 20."""
    draws = np.random.default_rng(seed)
    columns = changed.pop("gates", gates())
    labels = draws.integers(0, len(CLASSES), count).astype(np.int32)
    wide = columns[-1].columns.stop if columns else 0
    values = (draws.random((count, wide)) * 0.5 + 0.05 * (labels[:, None] == np.arange(wide) % 3)).astype(np.float16)
    logits = draws.normal(size=(count, 3)).astype(np.float32) + 1.5 * np.eye(3, dtype=np.float32)[labels]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    answers, confidence = logits.argmax(axis=1).astype(np.int32), shares.max(axis=1)
    if count > 20:
        values[7], answers[7], confidence[7], logits[7] = np.nan, -1, np.nan, np.nan
    made = {
        "network": "Made",
        "title": "made:test",
        "classes": CLASSES,
        "gates": columns,
        "values": values,
        "ids": [f"made:test/{number}" for number in range(count)],
        "labels": labels,
        "answers": answers,
        "confidence": confidence.astype(np.float32),
        "logits": logits,
        "thumbnails": ThumbnailArray(draws.integers(0, 256, (count, 8, 8, 3), np.uint8)),
        "metadata": {
            "camera": np.array(["old", "new"])[draws.integers(0, 2, count)],
            "hour": draws.integers(0, 24, count),
        },
    }
    return Contents(**{**made, **changed})


def atlas(count=60, seed=0, **changed):
    return Atlas(contents(count, seed, **changed))
