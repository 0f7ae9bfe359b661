"""Images to look at: far from all others, or with a label that two independent signs doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from cbam_core.atlas.answers import DoubtfulLabels, Outliers, Suspects
from cbam_core.atlas.preparing import K, graph
from cbam_core.atlas.ranking import leading

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas


def suspects(atlas: Atlas, n: int) -> Suspects:
    """Return images to look at; see `Atlas.suspects`."""
    doubtful = atlas.remembered("doubtful", lambda: _doubtful(atlas)) if atlas.can_be_right else None
    return Suspects(
        _outliers(atlas, n),
        None if doubtful is None else _first(doubtful, n),
        0 if doubtful is None else len(doubtful.images),
        len(graph(atlas).among),
    )


def _outliers(atlas: Atlas, n: int) -> Outliers:
    farthest = graph(atlas).distances.astype(np.float64)
    k = int(np.isfinite(farthest).any(axis=0).sum())
    last = farthest[:, max(0, k - 1)]
    images = np.flatnonzero(np.isfinite(last))
    first = leading(-last[images], n)
    usual = float(np.median(last[images])) if len(images) else float("nan")
    return Outliers(images[first], last[images][first], usual, k)


def _doubtful(atlas: Atlas) -> DoubtfulLabels:
    images = np.flatnonzero(atlas.ok & (atlas.right == 0) & (atlas.targets >= 0))
    labels, answers = atlas.targets[images].astype(np.int64), atlas.answers[images].astype(np.int64)
    near = np.r_[atlas.targets, -1][graph(atlas).images[images]]
    counted = np.maximum(1, (near >= 0).sum(axis=1))
    with_label = (near == labels[:, None]).sum(axis=1) / counted
    with_answer = (near == answers[:, None]).sum(axis=1) / counted
    doubt = np.flatnonzero(with_answer > with_label)
    sigmoids = bool(atlas.facts.get("network", {}).get("sigmoids"))
    chances = probabilities(atlas.logits[images[doubt]], sigmoids=sigmoids)
    place = np.arange(len(doubt))
    own, suggested = chances[place, labels[doubt]], chances[place, answers[doubt]]
    order = np.argsort(own + with_label[doubt], kind="stable")
    kept = doubt[order]
    return DoubtfulLabels(
        images=images[kept],
        labels=atlas.labels[images[kept]].astype(np.int64),
        suggested=answers[kept],
        probability=own[order],
        suggested_probability=suggested[order],
        neighbours=with_label[kept],
        suggested_neighbours=with_answer[kept],
        k=K,
    )


def probabilities(
    logits: Float64[np.ndarray, "n k"] | np.ndarray, *, sigmoids: bool = False
) -> Float64[np.ndarray, "n k"]:
    """Compute the softmax of each row, or the sigmoid of each logit, in float64."""
    if sigmoids:
        each: Float64[np.ndarray, "n k"] = np.exp(-np.logaddexp(0, -logits.astype(np.float64)))
        return each
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf))
    shares: Float64[np.ndarray, "n k"] = shifted / shifted.sum(axis=1, keepdims=True)
    return shares


def _first(doubtful: DoubtfulLabels, n: int) -> DoubtfulLabels:
    part: dict[str, Int64[np.ndarray, " m"]] = {
        name: values[: max(0, n)] for name, values in vars(doubtful).items() if name != "k"
    }
    return DoubtfulLabels(**part, k=doubtful.k)
