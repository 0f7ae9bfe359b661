"""Two sides next to each other: their masks on one scale, the difference, and how alike their gates are."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.services.prediction import percent
from app.session.words import Words, class_name, listed, say
from app.widgets.figures import (
    ZOOM_TO,
    Side,
    badge,
    drawn_once,
    figure,
    figure_style,
    image,
    measures,
    nothing,
    scale_bar,
    zoom_of,
)
from cbam_core.explanation.comparison import BlockComparison, Difference, Similarity
from cbam_core.render.colours import colourise, evenness, is_flat, stretch
from cbam_core.render.difference import difference_picture, scale_of_differences
from cbam_core.render.diverging import DIVERGING
from cbam_core.render.overlay import Cells, cells_on_input, overlay, raw_mask
from cbam_core.results.explanation import Block
from cbam_core.results.kinds import Kind
from cbam_core.results.look import Look
from cbam_core.results.means import GateMeans

WORDS = Words(
    {
        "difference": "{right} minus {left}",
        "pair": "{left} with {right}",
        "range": "{low:.2f} to {high:.2f}",
        "signed": "{low} to {high}",
        "range_flat": "{low:.2f} to {high:.2f}, flat",
        "range_through": "{low:.2f} to {high:.2f}, switched through",
        "deviation": "SD {spread:.3f}, mean of cells",
        "place_approximate": "within ±{bound} px",
        "place_unknown": "place unknown: stretched",
        "mask_alt": "Spatial mask of {block}, {side}: {rows}×{columns} cells, from {low:.2f} to {high:.2f}, "
        "mean {mean:.2f}; highest in row {row}, column {column}.",
        "difference_alt": "Difference of the spatial masks of {block}, {right} minus {left}: from {low} to "
        "{high}; higher in {right} in {share:.0f} % of the cells.",
        "no_mask": "no spatial mask",
        "alike": "Similarity of the gates of {block}",
        "masks": "Masks",
        "weights": "Channels",
        "cosine": "cosine",
        "pearson": "Pearson",
        "none": "none",
        "together": "positively correlated",
        "partly": "partly positively correlated",
        "unrelated": "hardly correlated",
        "partly_against": "partly negatively correlated",
        "against": "negatively correlated",
        "hardly_vary": "{meaning}, but at least one of the two hardly varies",
        "class_alt": "The {count} images of class {name}",
        "class_some_alt": "{count} of the {total} images of class {name}",
        "class_right": "{right} of {count} recognised as {name}. Mean probabilities: {classes}.",
        "class_unknown": "The network does not know this class. Mean probabilities over its {count} images: {classes}.",
    }
)

OPACITY = 0.6
"""Of a mask over its image."""


@dataclass(frozen=True)
class Subject:
    """What stands on one side of the comparison.

    Attributes:
        label: short name, such as ``"A"``.
        input_image: the image under the masks, uint8 RGB (H, W, 3); None where masks stand alone.
        size: (width, height) of the network's input, pixels.
        deviations: standard deviations, by block, where the gates are means.
    """

    label: str
    input_image: np.ndarray | None
    size: tuple[int, int]
    deviations: dict[str, Block] | None = None


def side_title(side: Side, label: str, what: str = "") -> None:
    """The name of a side in its colour, and what stands there."""
    said = f"<small>{html.escape(what)}</small>" if what else ""
    st.html(f'{figure_style()}<p class="cbam-side">{badge(side, label)}{said}</p>', width="content")


def class_summary(side: Side, name: str, summary: GateMeans, images: np.ndarray) -> None:
    """A class: its images, and what the network made of them.

    Args:
        side: which side.
        name: of the class.
        summary: of its images.
        images: all of its images, or some of them, uint8 RGB (N, H, W, 3).
    """
    order = np.argsort(-summary.probabilities, kind="stable")[:3]
    said = listed(f"{class_name(summary.classes[at])} {percent(float(summary.probabilities[at]))}" for at in order)
    right = sum(predicted == name for predicted in summary.predicted)
    shown = class_name(name)
    judged = "class_right" if name in summary.classes else "class_unknown"
    text = WORDS[judged].format(right=f"{right:,}", count=f"{summary.count:,}", name=shown, classes=said)
    said_of = "class_alt" if len(images) == summary.count else "class_some_alt"
    alt = WORDS[said_of].format(count=len(images), total=f"{summary.count:,}", name=shown)
    st.html(
        f'{figure_style()}<div class="cbam-class"><p class="cbam-side">{badge(side, shown)}</p>'
        f"{image(np.concatenate([*images], axis=1), alt)}<p>{html.escape(text)}</p></div>"
    )


def pair_name(pair: BlockComparison) -> str:
    """What a pair of blocks is called: by both names, where they differ."""
    if pair.left is None or pair.right is None or pair.left.name == pair.right.name:
        return pair.name
    return WORDS["pair"].format(left=pair.left.name, right=pair.right.name)


def greatest_difference(pairs: Sequence[BlockComparison]) -> float:
    """The end of a scale that holds the differences of all masks; 1 where there are none."""
    return scale_of_differences(end for pair in pairs if pair.mask is not None for end in pair.mask.range)


def mask_maps(pair: BlockComparison, subjects: tuple[Subject, Subject], *, over: bool, limit: float) -> None:
    """Masks of both sides on the scale from 0 to 1, and their difference.

    Args:
        pair: one block in both.
        subjects: what stands left and right.
        over: draw masks over the images rather than alone.
        limit: end of the scale of differences.
    """
    figures = [
        _mask(pair.left, subjects[0], "left", over) if pair.left is not None else "",
        _mask(pair.right, subjects[1], "right", over) if pair.right is not None else "",
    ]
    if pair.mask is not None and pair.left is not None:
        figures.append(_difference(pair_name(pair), pair.left, pair.mask, subjects, limit))
    elif pair.left is not None and pair.right is not None:
        reasons = [say(note) for note in pair.notes if note.values.get("kind") == "spatial mask"]
        title = WORDS["difference"].format(left=subjects[0].label, right=subjects[1].label)
        figures.append(nothing(html.escape(title), "; ".join(reasons)))
    st.html(f'{figure_style()}<div class="cbam-maps">{"".join(figures)}</div>')


def mask_row(blocks: Sequence[Block], subject: Subject, side: Side, *, over: bool, columns: int = 3) -> None:
    """Masks of one side alone, block by block.

    Args:
        blocks: of that side.
        subject: what stands there.
        side: which one.
        over: draw masks over the image rather than alone.
        columns: masks in a row.
    """
    figures = "".join(_mask(block, subject, side, over, title=block.name) for block in blocks)
    grid = f"grid-template-columns: repeat({columns}, minmax(0, 1fr))"
    st.html(f'{figure_style()}<div class="cbam-maps" style="{grid}">{figures}</div>')


def likeness(pair: BlockComparison) -> None:
    """Cosine and Pearson correlation of a block's gates, each with a word on what it says."""
    kinds: tuple[tuple[str, Kind, Difference | None], ...] = (
        ("masks", "spatial", pair.mask),
        ("weights", "channel", pair.weights),
    )
    rows = [
        _alike(WORDS[name], difference.similarity, _one_is_flat(pair, kind))
        for name, kind, difference in kinds
        if difference is not None
    ]
    if not rows:
        return
    title = html.escape(WORDS["alike"].format(block=pair_name(pair)))
    st.html(f'{figure_style()}<table class="cbam-alike" aria-label="{title}"><tbody>{"".join(rows)}</tbody></table>')


def in_words(similarity: Similarity, *, flat: bool = False) -> str:
    """What a correlation says, or why there is none.

    Args:
        similarity: of two gates.
        flat: one of them spans so little that its ups and downs matter little.
    """
    meaning = _in_words(similarity)
    return WORDS["hardly_vary"].format(meaning=meaning) if flat and similarity.pearson is not None else meaning


def _in_words(similarity: Similarity) -> str:
    if similarity.pearson is None:
        return "; ".join(say(note) for note in similarity.notes)
    for least, word in ((0.8, "together"), (0.4, "partly"), (-0.4, "unrelated"), (-0.8, "partly_against")):
        if similarity.pearson >= least:
            return WORDS[word]
    return WORDS["against"]


def _one_is_flat(pair: BlockComparison, kind: Kind) -> bool:
    gates = (block.gate(kind) for block in (pair.left, pair.right) if block is not None)
    return any(is_flat(gate.values) for gate in gates if gate is not None)


def _alike(name: str, similarity: Similarity, flat: bool) -> str:
    numbers = "".join(
        f"<td>{WORDS[measure]} {WORDS['none'] if value is None else f'{value:.2f}'}</td>"
        for measure, value in (("cosine", similarity.cosine), ("pearson", similarity.pearson))
    )
    return f'<tr><th scope="row">{name}</th>{numbers}<td>{html.escape(in_words(similarity, flat=flat))}</td></tr>'


def _mask(block: Block, subject: Subject, side: Side, over: bool, title: str | None = None) -> str:
    head = html.escape(title) if title is not None else badge(side, subject.label)
    mask = block.spatial_mask
    if mask is None:
        return nothing(head, WORDS["no_mask"])
    low, high = stretch(mask)
    alt = WORDS["mask_alt"].format(block=block.name, side=subject.label, **measures(mask))
    said = WORDS["range"].format(low=low, high=high)
    if even := evenness(mask):
        said = WORDS[f"range_{even}"].format(low=low, high=high)
    scale = scale_bar(colourise(np.linspace(0, 1, 256)), ("0", said, "1"), (low, high))
    under = " · ".join(text for text in (_deviation_of(block, subject), _place_of(block)) if text)
    under_it = subject.input_image if over else None
    picture = drawn_once(
        lambda: _drawn(block, mask, subject, over), "mask", mask, _cells(block), under_it, subject.size
    )
    return figure(head, picture, alt, scale, under)


def _place_of(block: Block) -> str:
    """Say how far cells may lie from where they are drawn; "" where they lie there."""
    placement = block.placement
    if placement is None or placement.status == "exact":
        return ""
    return WORDS[f"place_{placement.status}"].format(bound=f"{placement.bound:.1f}")


def _deviation_of(block: Block, subject: Subject) -> str:
    deviation = None if subject.deviations is None else subject.deviations[block.name].spatial_mask
    return "" if deviation is None else WORDS["deviation"].format(spread=float(deviation.mean(dtype=np.float64)))


def _drawn(block: Block, mask: np.ndarray, subject: Subject, over: bool) -> np.ndarray:
    cells = _cells(block)
    if cells is None:
        return raw_mask(mask, zoom=max(1, ZOOM_TO // max(mask.shape)))
    seen = subject.input_image
    if seen is None or not over:
        width, height = subject.size
        return overlay(
            np.zeros((height, width, 3), np.uint8), mask, cells, Look(opacity=1.0), zoom=zoom_of(subject.size)
        )
    return overlay(seen, mask, cells, Look(opacity=OPACITY), zoom=zoom_of(subject.size))


def _difference(
    name: str, block: Block, difference: Difference, subjects: tuple[Subject, Subject], limit: float
) -> str:
    low, high = difference.range
    least, greatest = _signed(low), _signed(high)
    size = subjects[0].size
    values, cells = difference.values, _cells(block)
    picture = drawn_once(
        lambda: difference_picture(values, cells, size, zoom=zoom_of(size), limit=limit),
        "difference", values, cells, size, limit,
    )  # fmt: skip
    labels = {"left": subjects[0].label, "right": subjects[1].label}
    share = 100 * float((difference.values > 0).mean())
    alt = WORDS["difference_alt"].format(block=name, low=least, high=greatest, share=share, **labels)
    said = WORDS["signed"].format(low=least, high=greatest)
    shown = (low / limit + 1) / 2, (high / limit + 1) / 2
    ends = f"−{limit:.3g}", said, f"+{limit:.3g}"
    bar = scale_bar(DIVERGING, ends, shown)
    return figure(html.escape(WORDS["difference"].format(**labels)), picture, alt, bar, _place_of(block))


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}".replace("-", "−")  # + 0.0 makes -0.0 a plain 0


def _cells(block: Block) -> Cells | None:
    return None if block.placement is None else cells_on_input(block.placement)
