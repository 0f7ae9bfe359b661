"""Answers of an atlas, as frozen NumPy arrays; images are numbered as in the set, from 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from cbam_core.results.brief import Brief
from cbam_core.results.paired import Change
from cbam_core.results.placement import Placement

Method = Literal["pca", "tsne"]
"""How a map of the set is laid out."""


@dataclass(frozen=True, eq=False, repr=False)
class Ranking(Brief):
    """Images in the order of one value.

    Attributes:
        column: name of the value, such as ``"cbam1.channel[17]"``.
        images: numbers of n images, the first being the highest (or lowest); of equal values the lower number first.
        values: their values.
        lowest: whether the lowest values come first.
        count: number of images that were ranked.
        tied: how many of these have the value of the last one listed; if it is more than are listed with it, their
            order is that of the set and says nothing.
        left_out: number of further images of the slice, in which the value is not finite.
    """

    column: str
    images: Int64[np.ndarray, " n"]
    values: Float32[np.ndarray, " n"]
    lowest: bool
    count: int
    tied: int = 1
    left_out: int = 0

    @property
    def undecided(self) -> bool:
        """Whether images that are not listed have the value of the last one listed."""
        return bool(len(self.values)) and self.tied > int((self.values == self.values[-1]).sum())


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Brief):
    """Means of a gate's C values in G groups of images.

    The interval of a mean is that of Student's t: mean ± t(count - 1) x deviation / sqrt(count), where the deviation
    is that of the images (with count - 1). It is cut to [0, 1] for a gate that is known to lie there, and NaN for a
    single image. Intervals are of one mean each: of a table of
    many, one in twenty misses by chance.

    Attributes:
        gate: name of the gate.
        by: what defines the groups: ``"class"``, ``"answer"``, ``"right"``, ``"pair"`` or a column of the metadata.
        groups: names of the groups that have an image.
        wheres: for each group, what `Atlas.select` takes to find its images, beside the slice of the profile.
        counts: number of images in each group that have finite values in the gate.
        mean: means.
        low: lower ends of the 95 % intervals of the means.
        high: upper ends.
        selectivity: eta squared: the share of a value's variance over the images that lies between the groups, in
            [0, 1]; 0 for a value that is the same for all images.
        chance: selectivity to expect of a value that does not depend on the groups: (G - 1) / (images - 1).
        order: indices of the values, the most selective first.
        left_out: number of further images of the slice, whose values in the gate are not finite.
    """

    gate: str
    by: str
    groups: tuple[str, ...]
    wheres: tuple[Mapping[str, Any], ...]
    counts: Int64[np.ndarray, " g"]
    mean: Float64[np.ndarray, "g c"]
    low: Float64[np.ndarray, "g c"]
    high: Float64[np.ndarray, "g c"]
    selectivity: Float64[np.ndarray, " c"]
    chance: float
    order: Int64[np.ndarray, " c"]
    left_out: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class MeanMask(Brief):
    """Mean of a mask over images, beside the mean over all images.

    A mask of a gate with channels is its mean over them; rows alone are (H, 1), columns alone (1, W).

    Attributes:
        gate: name of the gate.
        mean: mean over the images of the slice.
        deviation: standard deviation over them (divided by their number).
        count: number of these images.
        usual: mean over all images of the atlas.
        usual_deviation: standard deviation over all of them.
        usual_count: number of all that have finite values.
        placement: grid of the cells on the input; None where it is unknown.
        left_out: number of further images of the slice, whose values in the gate are not finite.
    """

    gate: str
    mean: Float64[np.ndarray, "h w"]
    deviation: Float64[np.ndarray, "h w"]
    count: int
    usual: Float64[np.ndarray, "h w"]
    usual_deviation: Float64[np.ndarray, "h w"]
    usual_count: int
    placement: Placement | None
    left_out: int = 0

    @property
    def against_usual(self) -> Float64[np.ndarray, "h w"]:
        """Difference of the mean from the usual."""
        difference: Float64[np.ndarray, "h w"] = self.mean - self.usual
        return difference


@dataclass(frozen=True, eq=False, repr=False)
class Neighbours(Brief):
    """Images whose gates are nearest to those of one image.

    Attributes:
        image: number of the image; it is not its own neighbour.
        block: block or gate whose values are compared; None for all.
        images: numbers of n images, the nearest first.
        distances: Euclidean distances of their values.
        exact: whether these are the nearest of all images for certain; False where a shortlist by principal components
            was compared, and an image outside of it may be nearer.
        same_class: share of the n with the label of the image, in [0, 1]; None without labels.
    """

    image: int
    block: str | None
    images: Int64[np.ndarray, " n"]
    distances: Float64[np.ndarray, " n"]
    exact: bool
    same_class: float | None


@dataclass(frozen=True, eq=False, repr=False)
class ClassAgreement(Brief):
    """How far gate space is class space: how often near images share a label.

    Attributes:
        share: share of the 10 nearest with the label of their image, mean over images, in [0, 1].
        chance: this share if labels did not matter.
        images: number of images it was measured on.
        compared_with: number of images among which the nearest were looked for.
    """

    share: float
    chance: float
    images: int
    compared_with: int


@dataclass(frozen=True, eq=False, repr=False)
class AtlasMap(Brief):
    """A place in the plane for each image.

    Attributes:
        points: places; NaN for images that were not read, or have values that are not finite.
        method: ``"pca"``: the two principal components of all gates; ``"tsne"``: a layout that keeps neighbours.
        kept: share of the 10 nearest in gates that are among the 10 nearest on the map, in [0, 1].
        sample: number of images that `kept` was measured on.
        explained: share of the variance that each axis has; None where the axes have no meaning.
        compared_with: number of images among which the nearest were looked for, in gates and on the map.
    """

    points: Float32[np.ndarray, "n 2"]
    method: Method
    kept: float
    sample: int
    explained: tuple[float, float] | None
    compared_with: int


@dataclass(frozen=True, eq=False, repr=False)
class GateChange(Brief):
    """How one gate differs between two atlases, over the images of both.

    Attributes:
        gate: name of the gate.
        mean_before: mean of each value in the first atlas, (C,).
        mean_after: mean in the second.
        difference: mean difference of each value, second minus first.
        absolute: mean absolute difference of each value.
        correlation: correlation of each value over the images; NaN where a value is the same for all images.
        groups: names of the classes; empty without labels.
        by_class: mean absolute difference over the gate's values, for each class; NaN for a class without pairs.
        left_out: number of further pairs, in which values of the gate are not finite.
    """

    gate: str
    mean_before: Float64[np.ndarray, " c"]
    mean_after: Float64[np.ndarray, " c"]
    difference: Float64[np.ndarray, " c"]
    absolute: Float64[np.ndarray, " c"]
    correlation: Float64[np.ndarray, " c"]
    groups: tuple[str, ...]
    by_class: Float64[np.ndarray, " g"]
    left_out: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class AtlasComparison(Brief):
    """Two atlases of the same images, paired by the images' ids.

    Attributes:
        images: numbers of the n paired images in the first atlas, ascending.
        others: their numbers in the second.
        gates: changes of the gates that both have, by name and shape.
        skipped: names of gates that only one has, or that have other shapes.
        moved: Euclidean distance between the shared gates of each pair; all 0 if there are none, NaN where
            values are not finite.
        answered_other: whether the answer is another; None if either network has no classes, or the classes differ.
        newly_right: whether the answer was wrong and is right; None without labels and answers.
        newly_wrong: whether it was right and is wrong.
        answers: what changed, with a 95 % interval; None without labels and answers.
        most_moved: numbers of images in the first atlas, the greatest `moved` first; as many as were asked for.
    """

    images: Int64[np.ndarray, " n"]
    others: Int64[np.ndarray, " n"]
    gates: tuple[GateChange, ...]
    skipped: tuple[str, ...]
    moved: Float64[np.ndarray, " n"]
    answered_other: Bool[np.ndarray, " n"] | None
    newly_right: Bool[np.ndarray, " n"] | None
    newly_wrong: Bool[np.ndarray, " n"] | None
    answers: Change | None
    most_moved: Int64[np.ndarray, " m"]


@dataclass(frozen=True, eq=False, repr=False)
class Outliers(Brief):
    """Images far from all others in gates.

    Attributes:
        images: numbers of the images, the farthest first.
        distances: distances to their `k`-th neighbour in all gates.
        usual: median of this distance over all images.
        k: which neighbour.
    """

    images: Int64[np.ndarray, " n"]
    distances: Float64[np.ndarray, " n"]
    usual: float
    k: int


@dataclass(frozen=True, eq=False, repr=False)
class DoubtfulLabels(Brief):
    """Images whose label the network and the nearest images both doubt; a reason to look, not a verdict.

    An image is here if the network answers another class, and if that class is more frequent than the label among the
    nearest images in gates.

    Attributes:
        images: numbers of the images, the most doubtful first: by the sum of the two numbers of the label.
        labels: indices of their labels.
        suggested: indices of the network's answers.
        probability: probability of the label.
        suggested_probability: probability of the answer.
        neighbours: share of the nearest images with the label.
        suggested_neighbours: share with the answer.
        k: number of nearest images.
    """

    images: Int64[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    suggested: Int64[np.ndarray, " n"]
    probability: Float64[np.ndarray, " n"]
    suggested_probability: Float64[np.ndarray, " n"]
    neighbours: Float64[np.ndarray, " n"]
    suggested_neighbours: Float64[np.ndarray, " n"]
    k: int


@dataclass(frozen=True, eq=False, repr=False)
class Suspects(Brief):
    """Images to look at.

    Attributes:
        outliers: images far from all others.
        doubtful: images with doubtful labels; None where the set has no labels or the network no classes.
        doubtful_count: number of all doubtful labels.
        compared_with: number of images among which neighbours were looked for: all, or a sample of very many.
    """

    outliers: Outliers
    doubtful: DoubtfulLabels | None
    doubtful_count: int
    compared_with: int
