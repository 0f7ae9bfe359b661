"""What a mask is on average: by class, by right and wrong, by confused pair, and against all images."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from jaxtyping import Float64, Int64, UInt8

from app.atlas.grouping import choose_grouping, group_name, grouping_as_parameter
from app.atlas.link import usual_if
from app.atlas.slices import Slice
from app.session.choices import Choice
from app.session.words import Words, plain_text
from app.widgets.choices import choose_one, keep_listed
from app.widgets.figures import figure, figure_style, scale_bar, zoom_of
from cbam_core.network import Classifier
from cbam_core.render.colours import colourise, table
from cbam_core.render.diverging import DIVERGING, diverging
from cbam_core.render.overlay import cells_on_input, upsample
from cbam_core.render.placed import PLACE_WORDS, placed
from cbam_core.results.look import DEFAULT_COLOURS
from cbam_core.results.paired import student
from cbam_core.results.placement import Placement
from cbam_core.results.score_words import signed

if TYPE_CHECKING:
    from cbam_core.atlas.answers import MeanMask
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.gate import AtlasGate

WORDS = Words(
    {
        "mask": "Mask",
        "show": "What is shown",
        "mean": "Mean",
        "deviation": "Deviation",
        "difference": "Against usual",
        "ground": "Over the mean image",
        "slice": "All of these",
        "count": "{count} images",
        "one": "1 image",
        "range": "{low} to {high}",
        "no_difference": "No difference is certain",
        "about_mean": "The mean of the mask over the images of each group, all on one scale.",
        "about_deviation": "How much the mask differs from image to image: the standard deviation of each cell, all on "
        "one scale. A mask that never changes is 0 everywhere.",
        "about_difference": "The mean of each group minus that of all {total} images of the atlas: orange is higher, "
        "blue lower. Cells without colour differ by less than the 95 % interval of their mean.",
        "some": "{shown} of {count} groups, those with the most images.",
        "no_masks": "This network has no mask over positions.",
        "no_groups": "No image of this slice is in such a group.",
    }
)

MOST = 24
"""Groups that are drawn."""

GROUND = 60
"""Images of a group that its mean image is made of, spread over all of them."""

OPACITY = 0.7
"""Share of the mask's colour over the mean image."""

_MASK, _SHOW, _GROUND = Choice("atlas-mask"), Choice("atlas-show"), Choice("atlas-ground")

_STYLE = """<style>
.atlas-masks .cbam-maps { grid-template-columns: repeat(auto-fill, minmax(8.25rem, 1fr)); gap: 0.9rem 0.8rem; }
.atlas-masks .cbam-maps figcaption { min-height: 1.5rem; overflow: hidden; white-space: nowrap; }
.atlas-masks .cbam-under { text-align: left; font-variant-numeric: tabular-nums; }
.atlas-masks .cbam-scale { max-width: 20rem; margin-top: 0; padding-bottom: 0.15rem; }
.atlas-masks .cbam-scale i { display: none; }
.atlas-masks .cbam-ends { max-width: 20rem; margin-bottom: 0.8rem; flex-wrap: nowrap; }
.atlas-masks .cbam-ends span:nth-child(2) { order: 0; flex-basis: auto; }
@media (max-width: 640px) { .atlas-masks .cbam-maps { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
</style>"""


@dataclass(frozen=True, eq=False)
class Drawn:
    """One mask as it is drawn.

    Attributes:
        name: what the group is called.
        images: indices of its images.
        values: what is drawn of it.
        found: what is known of it.
    """

    name: str
    images: Int64[np.ndarray, " n"]
    values: Float64[np.ndarray, "h w"]
    found: MeanMask


def open_masks(asked: Mapping[str, Any]) -> None:
    """Begin with what an address asks for, or with what was chosen last."""
    if asked:
        _MASK.set(asked.get("mask"))
        _SHOW.set(asked.get("show", "mean"))
        _GROUND.set(asked.get("mean_image", False))
    for choice, first in ((_MASK, None), (_SHOW, "mean"), (_GROUND, False)):
        choice.resume(first)


def masks_section(_classifier: Classifier, atlas: Atlas, chosen: Slice) -> Mapping[str, Any]:
    """Draw the mean masks of a slice and its groups."""
    gates = [gate for gate in atlas.gates if {"H", "W"} & set(gate.axes)]
    if not gates:
        st.info(WORDS["no_masks"], icon=":material/info:")
        return {}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="atlas-masks-tools"):
        gate = _choose_mask(gates)
        by = choose_grouping(atlas)
        show = choose_one(WORDS["show"], ["mean", "deviation", "difference"], WORDS, key=_SHOW.key, labelled=True)
        over = st.toggle(WORDS["ground"], key=_GROUND.key) if atlas.contents.thumbnails is not None else False
    for choice in (_SHOW, _GROUND):
        choice.remember()
    groups, count = _groups(atlas, gate, by, chosen)
    masks = [_drawn(atlas, gate, name, images, show) for name, images in groups]
    _draw(atlas, gate, masks, show, over=over)
    _say(atlas, gate, show, len(groups) - 1, count)
    return {
        "mask": usual_if(gate is gates[-1], gate.name),
        "groups": grouping_as_parameter(atlas, by),
        "show": None if show == "mean" else show,
        "mean_image": over or None,
    }


def _choose_mask(gates: Sequence[AtlasGate]) -> AtlasGate:
    named = {gate.name: gate for gate in gates}
    if _MASK.get() not in named:
        _MASK.set(gates[-1].name)
    keep_listed(_MASK.key, [*named])
    chosen = st.selectbox(WORDS["mask"], [*named], key=_MASK.key, width=240)
    _MASK.remember()
    return named[chosen or gates[-1].name]


def _groups(
    atlas: Atlas, gate: AtlasGate, by: str | None, chosen: Slice
) -> tuple[list[tuple[str, Int64[np.ndarray, " n"]]], int]:
    """The slice, and its largest groups with the indices of their images; and how many groups there are."""
    found = [(WORDS["slice"], chosen.images)]
    if by is None:
        return found, 0
    profile = atlas.profile(gate.name, by, chosen.where)
    if len(profile.counts) == 1 and profile.counts[0] == len(chosen.images):  # it is the slice, under its own name
        return [(group_name(profile.wheres[0], profile.groups[0]), chosen.images)], 0
    largest = sorted(np.argsort(-profile.counts, kind="stable")[:MOST].tolist())
    for group in largest:
        where = profile.wheres[group]
        images = np.intersect1d(atlas.select(where), chosen.images, assume_unique=True)
        found.append((group_name(where, profile.groups[group]), images))
    return found, len(profile.counts)


def _drawn(atlas: Atlas, gate: AtlasGate, name: str, images: Int64[np.ndarray, " n"], show: str) -> Drawn:
    found = atlas.mask(gate.name, None if len(images) == len(atlas) else images)
    if show == "deviation":
        return Drawn(name, images, found.deviation, found)
    if show == "mean":
        return Drawn(name, images, found.mean, found)
    return Drawn(name, images, certain_difference(found), found)


def certain_difference(found: MeanMask) -> Float64[np.ndarray, "h w"]:
    """The difference from the usual where it is larger than the 95 % interval of the mean; else 0, as for one image."""
    if found.count < 2:
        return np.zeros_like(found.mean)
    reach = student(found.count - 1) * found.deviation / np.sqrt(found.count - 1)
    return np.where(np.abs(found.against_usual) > reach, found.against_usual, 0.0)


def _draw(atlas: Atlas, gate: AtlasGate, masks: Sequence[Drawn], show: str, *, over: bool) -> None:
    """All masks on one scale, which stands above them."""
    limits = limits_of([one.values for one in masks], show)
    colours = DIVERGING if show == "difference" else table(DEFAULT_COLOURS)
    ends = (f"{limits[0]:.3f}".replace("-", "−"), "0" if show == "difference" else "", f"{limits[1]:.3f}")
    figures = "".join(_figure(atlas, gate, one, limits, show, over=over) for one in masks)
    st.html(
        f'{figure_style()}{_STYLE}<div class="atlas-masks">{scale_bar(colours, ends, (0, 1))}'
        f'<div class="cbam-maps">{figures}</div></div>'
    )


def limits_of(masks: Sequence[np.ndarray], show: str) -> tuple[float, float]:
    """The ends of the scale that several masks share."""
    low = min(float(np.nanmin(mask, initial=np.inf)) for mask in masks)
    high = max(float(np.nanmax(mask, initial=-np.inf)) for mask in masks)
    if show == "difference":
        end = max(abs(low), abs(high)) or 1.0
        return -end, end
    if show == "deviation":
        return 0.0, high or 1.0
    return (low, high) if high > low else (low, low + 1.0)


def _figure(atlas: Atlas, gate: AtlasGate, one: Drawn, limits: tuple[float, float], show: str, *, over: bool) -> str:
    ground = mean_image(atlas, one.images) if over else None
    picture = mask_picture(one.values, gate.placement, input_size(atlas, gate), limits, ground)
    span = _span(one.values, show)
    count = WORDS["one"] if one.found.count == 1 else WORDS["count"].format(count=f"{one.found.count:,}")
    alt = f"{gate.name}, {one.name}, {WORDS[show]}: {span}, {count}"
    return figure(html.escape(one.name), picture, alt, f'<p class="cbam-under">{html.escape(count)}</p>', span)


def _span(values: Float64[np.ndarray, "h w"], show: str) -> str:
    """The least and the greatest value in words."""
    if show == "difference" and not values.any():
        return WORDS["no_difference"]
    ends = float(values.min()), float(values.max())
    low, high = (signed(end, 3) if show == "difference" else f"{end:.3f}".replace("-", "−") for end in ends)
    return WORDS["range"].format(low=low, high=high)


def mask_picture(
    values: Float64[np.ndarray, "h w"],
    placement: Placement | None,
    size: tuple[int, int],
    limits: tuple[float, float],
    ground: UInt8[np.ndarray, "h w 3"] | None = None,
) -> UInt8[np.ndarray, "oh ow 3"]:
    """Draw a mask where its cells lie on the input.

    Args:
        values: values of the cells.
        placement: grid of the cells; None for one that is stretched over the input.
        size: height and width of the input, in pixels.
        limits: values at the ends of the colours; diverging ones where the first is below 0 and the other above.
        ground: image below it, of the input's size; None for the mask alone.
    """
    cells = (values.shape[0], values.shape[1])
    grid = cells_on_input((placement or Placement.stretched(cells, size)).shared_by(cells))
    zoom = zoom_of(size)
    drawn = upsample(values.astype(np.float32), grid, (size[1], size[0]), zoom)
    if limits[0] == -limits[1]:
        colours = diverging(drawn, limits[1])
    else:
        colours = colourise((drawn - limits[0]) / (limits[1] - limits[0]))
    if ground is None:
        return colours
    base = ground.repeat(zoom, axis=0).repeat(zoom, axis=1)
    mixed: UInt8[np.ndarray, "oh ow 3"] = np.rint((1 - OPACITY) * base + OPACITY * colours).astype(np.uint8)
    return mixed


def mean_image(atlas: Atlas, images: Int64[np.ndarray, " n"]) -> UInt8[np.ndarray, "side side 3"]:
    """The mean of the thumbnails of some images, at most `GROUND` of them."""
    some = images[np.linspace(0, len(images) - 1, min(GROUND, len(images))).astype(int)]
    mean: UInt8[np.ndarray, "side side 3"] = np.rint(atlas.thumbnails(some).mean(axis=0)).astype(np.uint8)
    return mean


def input_size(atlas: Atlas, gate: AtlasGate) -> tuple[int, int]:
    """Height and width of the network's input, in pixels; where that is not said, as far as the cells reach."""
    said = atlas.facts.get("network", {})
    if isinstance(said, Mapping) and "input_size" in said:
        width, height = said["input_size"]
        return int(height), int(width)
    step = (1.0, 1.0) if gate.placement is None else gate.placement.step
    cells = gate.shape[-2:] if len(gate.shape) > 1 else (gate.shape[0], 1)
    return round(cells[0] * step[0]), round(cells[1] * step[1])


def _say(atlas: Atlas, gate: AtlasGate, show: str, shown: int, count: int) -> None:
    said = [WORDS[f"about_{show}"].format(total=f"{len(atlas.select()):,}")]
    if shown < count:
        said.append(WORDS["some"].format(shown=shown, count=f"{count:,}"))
    said += placed([gate.placement], Words(PLACE_WORDS))
    st.caption(plain_text(" ".join(said)))
