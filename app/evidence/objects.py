"""Is the mask where the object is? Four tests of the masks, for the image or for the bundled ones."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from app import services
from app.evidence.drawing import curves_of, frame, mask_over, note_on_scale
from app.services.mask_tests import Test
from app.session.choices import Choice
from app.session.words import Words, class_name, plain_text, say, sentence
from app.widgets.choices import choose_one, keep_listed
from app.widgets.duration import duration
from app.widgets.figures import figure, figure_style
from app.widgets.image.shown import ShownImage
from app.widgets.progress import share_of, show_progress
from cbam_core.errors import CbamError, Message
from cbam_core.network import Classifier
from cbam_core.render.colours import is_flat
from cbam_core.results import deletion, mosaic, randomised, shift
from cbam_core.results.deletion import DeletionTest
from cbam_core.results.explanation import Explanation
from cbam_core.results.mosaic import TileTest
from cbam_core.results.randomised import PARTS, RandomisedTest
from cbam_core.results.resampled import Mean
from cbam_core.results.shift import ShiftTest

WORDS = Words(
    {
        "images": "Images",
        "image": "This image",
        "set": "The 100 bundled images",
        "shift": "The image is moved by {pixels} pixels in four directions. Does the mask move along, or stay?",
        "tiles": "The image lies alone on an empty canvas, and beside three others in a mosaic. How much of the mask "
        "lies on it, and in the tile that the network answers?",
        "deletion": "Pixels are blurred, or made sharp, in the order of a mask. Does the answer follow sooner than by "
        "maps that know nothing?",
        "randomised": "Weights are shuffled in a copy of the network. What is left of the mask?",
        "begin": "Test",
        "time": "About {time} of this server, in the background.",
        "progress": "{percent} %",
        "no_masks": "This network has no spatial mask.",
        "no_classes": "This network has no classes, so there is no answer to ask about.",
        "first": "The pictures show the first image.",
        "interval": "Numbers in brackets: 95 % intervals, by resampling the images.",
        "range": "Numbers in brackets: from the lowest to the highest trial.",
        "as_is": "As it is",
        "up": "Moved up",
        "down": "Moved down",
        "left": "Moved left",
        "right": "Moved right",
        "agrees": "along {followed}, in place {stayed}",
        "shift_numbers": "Moved along {followed}, where it was {stayed}, difference {difference}",
        "canvas": "Alone on a canvas",
        "mosaic_of": "Mosaic, answered: {answer}",
        "tile_numbers": "On the object {alone}, in the answered tile {answered}, a fixed pattern there {fixed}",
        "tiles_answered": "In {answered} of {mosaics} mosaics the network answers one of the four.",
        "deletion_numbers": "Points better than random maps of its own smoothness: {alike}; than a spot in the centre: "
        "{centre}; than random pixels: {pixels}",
        "pair": "deletion {deletion}, insertion {insertion}",
        "mask": "Mask",
        "own": "Own block shuffled",
        "below": "All below shuffled",
        "both": "Both shuffled",
        "randomised_numbers": "|r|: {parts}; by chance {chance}",
        "same": "|r| = {size}",
        "percent": "{value} %",
        "scale": "Each row has its own colours, from its lowest to its highest value; flat masks from 0 to 1.",
    }
)

PART_WORDS = Words({"own": "own block {size}", "below": "below {size}", "both": "both {size}"})

VERDICT_WORDS = Words(
    {
        "follows": "follows",
        "stays": "stays",
        "flat": "flat",
        "unsure": "cannot tell",
        "better": "better",
        "centre": "not better than a spot",
        "one": "in one test only",
        "worse": "worse",
        "no": "no better",
        "padding": "made by padding",
        "own": "made by its own block",
        "below": "made below",
        "weights": "changes with the weights",
    }
)

TILE_VERDICT_WORDS = Words(
    {
        "object.more": "on the object: more",
        "object.less": "on the object: less",
        "object.even": "on the object: as elsewhere",
        "object.unsure": "on the object: cannot tell",
        "answer.more": "in the answered tile: more",
        "answer.less": "in the answered tile: less",
        "answer.even": "in the answered tile: as elsewhere",
        "answer.unsure": "in the answered tile: cannot tell",
    }
)

_SCOPE = Choice("evidence-masks-of")
_CURVES_OF = Choice("evidence-curves-of")

_STYLE = """<style>
.cbam-test h4 { margin: 1.1rem 0 0.1rem; padding: 0; font-size: 0.95rem; font-weight: 600; overflow-wrap: anywhere; }
.cbam-test h4 span { margin-left: 0.5rem; padding: 0.05rem 0.5rem; border-radius: 1rem; font-size: 0.8125rem;
  font-weight: 400; white-space: nowrap; background: color-mix(in srgb, currentColor 10%, transparent); }
.cbam-test p { margin: 0 0 0.15rem; font-size: 0.9rem; line-height: 1.45; max-width: 56rem; }
.cbam-test p.n { font-size: 0.8125rem; opacity: 0.8; font-variant-numeric: tabular-nums; }
.cbam-test .cbam-maps { grid-template-columns: repeat(5, minmax(0, 9.5rem)); gap: 0.6rem; margin: 0.4rem 0 0.2rem; }
.cbam-test .cbam-maps.four { grid-template-columns: repeat(4, minmax(0, 9.5rem)); }
.cbam-test .cbam-maps.large { grid-template-columns: repeat(2, minmax(0, 13rem)); }
.cbam-test .cbam-maps figcaption { font-weight: 400; font-size: 0.8125rem; min-height: 1.5rem; }
.cbam-test .cbam-maps .cbam-under { text-align: left; font-variant-numeric: tabular-nums; }
@media (max-width: 640px) {
  .cbam-test .cbam-maps { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .cbam-test .cbam-maps:is(.four, .large) { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
</style>"""


def resume_images(asked: Mapping[str, Any]) -> None:
    """Choose what is tested, as an address asks or as it was chosen before: this image, or the bundled ones."""
    if asked:
        _SCOPE.set(asked.get("over", "image"))
    _SCOPE.resume("image")


Draw = Callable[[Any], None]


def shift_section(classifier: Classifier, shown: ShownImage) -> Mapping[str, Any]:
    """Show what masks do when the image is moved."""
    return _section("shift", classifier, shown, _draw_shift, (shift.WEAKNESS,))


def tiles_section(classifier: Classifier, shown: ShownImage) -> Mapping[str, Any]:
    """Show how much of the masks lies on the object, and in the answered tile."""
    return _section("tiles", classifier, shown, _draw_tiles, (mosaic.CANVAS_WEAKNESS, mosaic.MOSAIC_WEAKNESS))


def deletion_section(classifier: Classifier, shown: ShownImage) -> Mapping[str, Any]:
    """Show whether masks rank the pixels that the answer needs."""
    return _section("deletion", classifier, shown, _draw_deletion, deletion.WEAKNESSES)


def randomised_section(classifier: Classifier, shown: ShownImage) -> Mapping[str, Any]:
    """Show what is left of the masks when weights are shuffled."""
    return _section("randomised", classifier, shown, _draw_randomised, (randomised.WEAKNESS,))


def _section(
    test: Test, classifier: Classifier, shown: ShownImage, draw: Draw, weaknesses: Iterable[Message]
) -> Mapping[str, Any]:
    explanation = shown.result.explanation
    side = min(explanation.input_image.shape[:2])
    st.markdown(plain_text(WORDS[test].format(pixels=side // 4) if test == "shift" else WORDS[test]))
    if not any(gate.kind in ("spatial", "full") for block in explanation.blocks for gate in block.gates):
        st.caption(WORDS["no_masks"])
        return {}
    if test == "deletion" and not explanation.classes:
        st.info(WORDS["no_classes"], icon=":material/info:")
        return {}
    scope = choose_one(WORDS["images"], ["image", "set"], WORDS, key=_SCOPE.key)
    _SCOPE.remember()
    of = explanation if scope == "image" else None
    services.take_in_mask_tests(classifier)
    try:
        found = services.mask_test(test, classifier, of)
    except CbamError as error:
        st.info(plain_text(say(error)), icon=":material/info:")
        return {"over": None if scope == "image" else scope}
    if found is not None:
        draw(found)
        _notes(found, weaknesses)
    elif services.mask_test_at_work(test, classifier, of) is not None:
        show_progress(
            partial(services.mask_test_at_work, test, classifier, of),
            lambda work: WORDS["progress"].format(percent=share_of(work)),
            partial(services.cancel_mask_test, test, classifier, of),
            key=test,
            is_fault=False,
        )
    else:
        _offer(test, classifier, of)
    return {"over": None if scope == "image" else scope}


def _offer(test: Test, classifier: Classifier, of: Explanation | None) -> None:
    seconds = services.mask_test_seconds(test, classifier, of)
    with st.container(gap="xsmall"):
        st.button(
            WORDS["begin"],
            icon=":material/play_arrow:",
            key=f"{test}-begin",
            on_click=services.begin_mask_test,
            args=(test, classifier, of),
        )
        st.caption(plain_text(WORDS["time"].format(time=duration(max(1.0, seconds)))))


def _notes(found: Any, weaknesses: Iterable[Message]) -> None:
    """Say how numbers and pictures are to be read, and what the test does not show."""
    lines = [say(one) for one in weaknesses]
    lines.append(WORDS["range" if found.count == 1 else "interval"])
    if found.count > 1 and not isinstance(found, DeletionTest):
        lines.append(WORDS["first"])
    if not isinstance(found, DeletionTest):
        lines.append(WORDS["scale"])
    st.caption(plain_text(" ".join(lines)))


def _draw_shift(found: ShiftTest) -> None:
    parts = []
    for row in found.rows:
        limits = note_on_scale([row.mask, *(one.mask for one in row.moved)])
        pictures = [figure(_safe(WORDS["as_is"]), mask_over(found.image, row.mask, row.placement, limits), "", "")]
        for one in row.moved:
            under = WORDS["agrees"].format(followed=_number(one.followed), stayed=_number(one.stayed))
            picture = mask_over(one.image, one.mask, row.placement, limits)
            pictures.append(figure(_safe(WORDS[one.direction]), picture, "", "", under))
        numbers = WORDS["shift_numbers"].format(
            followed=_mean(row.followed), stayed=_mean(row.stayed), difference=_mean(row.difference)
        )
        if row.verdict == "flat":
            numbers, pictures = "", []
        said = [row.sentence, *row.notes]
        parts.append(_row(row.gate, [VERDICT_WORDS[row.verdict]], said, numbers, pictures))
    _show(parts)


def _draw_tiles(found: TileTest) -> None:
    parts = []
    for row in found.rows:
        masks = [row.mask, *([] if row.mosaic_mask is None else [row.mosaic_mask])]
        limits = note_on_scale(masks)
        canvas = frame(mask_over(found.canvas, row.mask, row.placement, limits), 0)
        pictures = [figure(_safe(WORDS["canvas"]), canvas, "", "")]
        if found.example is not None and found.example.tile is not None and row.mosaic_mask is not None:
            head = WORDS["mosaic_of"].format(answer=class_name(found.example.answer))
            drawn = mask_over(found.example.image, row.mosaic_mask, row.placement, limits)
            pictures.append(figure(_safe(head), frame(drawn, found.example.tile), "", ""))
        numbers = WORDS["tile_numbers"].format(
            alone=_percent(row.alone),
            answered=_percent(row.answered),
            fixed="-" if row.fixed is None else WORDS["percent"].format(value=f"{100 * row.fixed:.1f}"),
        )
        badges = [TILE_VERDICT_WORDS[one.code.removeprefix("mosaic.")] for one in row.sentences]
        shown = [] if is_flat(row.mask) else pictures
        parts.append(_row(row.gate, badges, row.sentences, numbers, shown, grid="large"))
    _show(parts)
    said = found.why_none
    if said is not None:
        st.caption(plain_text(sentence(said)))
    else:
        st.caption(plain_text(WORDS["tiles_answered"].format(answered=found.answered, mosaics=found.mosaics)))


def _draw_deletion(found: DeletionTest) -> None:
    parts = []
    for row in found.rows:
        pairs = {
            name: WORDS["pair"].format(deletion=_points(gain.deletion), insertion=_points(gain.insertion))
            for name, gain in row.gains.items()
        }
        parts.append(
            _row(row.map, [VERDICT_WORDS[row.verdict]], [row.sentence], WORDS["deletion_numbers"].format(**pairs), [])
        )
    _show(parts)
    names = [row.map for row in found.rows]
    if _CURVES_OF.is_known and _CURVES_OF.get() not in names:
        _CURVES_OF.forget()
    keep_listed(_CURVES_OF.key, names)
    chosen = st.selectbox(WORDS["mask"], names, key=_CURVES_OF.key, width=320)
    row = next((one for one in found.rows if one.map == chosen), found.rows[0])
    curves_of(found, row)


def _draw_randomised(found: RandomisedTest) -> None:
    parts = []
    for row in found.rows:
        limits = note_on_scale([row.mask, *(one.mask for one in row.parts.values())])
        pictures = [figure(_safe(WORDS["as_is"]), mask_over(None, row.mask, row.placement, limits), "", "")]
        for name in PARTS:
            head = _safe(WORDS[name])
            if name not in row.parts:
                continue
            one = row.parts[name]
            picture = mask_over(None, one.mask, row.placement, limits)
            pictures.append(figure(head, picture, "", "", WORDS["same"].format(size=_mean(one.size))))
        sizes = {name: PART_WORDS[name].format(size=_mean(one.size)) for name, one in row.parts.items()}
        numbers = WORDS["randomised_numbers"].format(parts=", ".join(sizes.values()), chance=_mean(row.chance))
        if row.verdict == "flat" or not sizes:
            numbers, pictures = "", []
        parts.append(_row(row.gate, [VERDICT_WORDS[row.verdict]], [row.sentence], numbers, pictures, grid="four"))
    _show(parts)


def _row(
    gate: str,
    badges: Iterable[str],
    said: Iterable[Message],
    numbers: str,
    pictures: Iterable[str],
    *,
    grid: str = "",
) -> str:
    """One mask: its name and verdict, the sentence, the numbers, the pictures."""
    marks = "".join(f"<span>{_safe(one)}</span>" for one in badges)
    lines = "".join(f"<p>{_safe(_without(gate, say(one)))}</p>" for one in said)
    line = f'<p class="n">{_safe(numbers)}</p>' if numbers else ""
    drawn = "".join(pictures)
    maps = f'<div class="cbam-maps {grid}">{drawn}</div>' if drawn else ""
    return f"<h4>{_safe(gate)}{marks}</h4>{lines}{line}{maps}"


def _without(gate: str, said: str) -> str:
    """A sentence that begins with the name of the gate, under a heading that says it."""
    rest = said.removeprefix(gate).lstrip(" :：")
    return rest[:1].upper() + rest[1:]


def _show(parts: Iterable[str]) -> None:
    st.html(f'{figure_style()}{_STYLE}<div class="cbam-test">{"".join(parts)}</div>')


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _mean(found: Mean | None, factor: float = 1.0, unit: str = "{value}", sign: str = "", digits: int = 2) -> str:
    """A mean with its interval in brackets."""
    if found is None:
        return "-"
    said = unit.format(value=f"{factor * found.mean:{sign}.{digits}f}")
    if found.interval is None:
        return said
    low, high = (f"{factor * end:{sign}.{digits}f}" for end in found.interval)
    return f"{said} ({low} … {high})"


def _percent(found: Mean | None) -> str:
    return _mean(found, 100, WORDS["percent"], digits=1)


def _points(found: Mean | None) -> str:
    return _mean(found, 100, sign="+", digits=1)


def _safe(text: str) -> str:
    return html.escape(text)
