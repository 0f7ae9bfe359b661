"""The map: all images of the atlas in the plane, near where their gates are alike, and slices drawn on it by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app import services
from app.atlas.chosen_image import chosen_image, take_image
from app.atlas.image_line import open_in_inspect, show_neighbours
from app.atlas.map_component import Told, map_canvas
from app.atlas.map_data import (
    COLUMNS,
    Places,
    as_mask,
    as_steps,
    as_text,
    checked_line,
    checked_view,
    places_in,
    sheets_of,
)
from app.atlas.map_words import COLOUR_WORDS, DRAW_WORDS, words_of_map
from app.atlas.slices import Slice, drawn_line, take_line
from app.session.choices import Choice, Generation, Remembered
from app.session.words import Words, class_name, language, paragraph, plain_text
from app.streamlit_internals import media_address
from app.widgets.duration import duration
from app.widgets.progress import share_of, show_progress
from app.widgets.waiting import waiting_shown
from cbam_core.atlas.regions import METHODS
from cbam_core.errors import AtlasError
from cbam_core.network import Classifier

if TYPE_CHECKING:
    from cbam_core.atlas.answers import AtlasMap
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "few": "A map needs at least three images.",
        "measuring": "Finding the nearest of each image",
        "pca": "PCA",
        "tsne": "t-SNE",
        "kept": "PCA keeps {pca} of the 10 nearest images in gates among the 10 nearest on the map, measured on "
        "{sample} images. Its two axes hold {first} and {second} of the variance of all gates.",
        "axes": "The two axes of PCA hold {first} and {second} of the variance of all gates.",
        "kept_both": "Of the 10 nearest images in gates, PCA keeps {pca} among the 10 nearest on the map and t-SNE "
        "{tsne}, measured on {sample} images. In t-SNE, distances between groups and their sizes mean nothing.",
        "among": "Nearest images were looked for among {count} of the set.",
        "some": "Drawn are {count} of the {total} images, spread evenly over the set; a slice that is drawn by hand "
        "has all of them.",
        "offer": "t-SNE keeps more neighbours together than PCA. About {time} of this server, in the background; kept "
        "for all visitors.",
        "begin": "Compute t-SNE",
        "lacking": "t-SNE keeps more neighbours together than PCA. This atlas has none yet; a machine with the package "
        "openTSNE makes it: cbam atlas map DIR --tsne",
        "progress": "t-SNE, {percent} %",
        "percent": "{share} %",
    }
)

FEWEST = 3
"""Images of a map; fewer lie on a line, or are one."""

NEAREST = 10
"""Nearest images of which it is said how many a map keeps."""

_GENERATION = Generation("atlas-map-generation")
_WIDGET = Choice("atlas-map", _GENERATION)
_METHOD: Remembered[str] = Remembered("atlas-map-method", lambda: "pca")
_VIEW: Remembered[tuple[float, float, float] | None] = Remembered("atlas-map-view", lambda: None)
_COLOURS: Remembered[str | None] = Remembered("atlas-map-colours", lambda: None)
_DRAW: Remembered[str] = Remembered("atlas-map-draw", lambda: "auto")


def open_map(asked: Mapping[str, Any]) -> None:
    """Begin with what an address asks for, or with the last view."""
    if asked:
        _GENERATION.advance()
        _METHOD.set(asked.get("layout", "pca"))
        _VIEW.set(asked.get("view"))
        _COLOURS.set(asked.get("coloured"))
        _DRAW.set(asked.get("draw", "auto"))


def forget_view() -> None:
    """Show all of the map when it is drawn next."""
    _GENERATION.advance()
    _VIEW.forget()


def map_section(classifier: Classifier, atlas: Atlas, chosen: Slice) -> Mapping[str, Any]:
    """Draw the map, what it keeps of the neighbours, and the image that was clicked."""
    if len(atlas.select()) < FEWEST:
        st.info(WORDS["few"], icon=":material/info:")
        return {"number": chosen_image(atlas)}
    services.take_in_tsne(atlas)
    with st.spinner(WORDS["measuring"]), waiting_shown():
        maps = {method: found for method in METHODS if (found := _map(atlas, method)) is not None}
    method = _method(maps)
    places = places_in(atlas, method)
    kinds = colour_kinds(atlas)
    if _COLOURS.get() not in kinds:
        _COLOURS.set(kinds[0])
    _canvas(classifier, atlas, [*maps], method, places, chosen)
    _say(atlas, maps, places)
    if "tsne" not in maps:
        _tsne(atlas)
    view = _VIEW.get()
    return {
        "layout": None if method == "pca" else method,
        "view": None if view is None else "~".join(f"{part:.4f}".rstrip("0").rstrip(".") for part in view),
        "coloured": None if _COLOURS.get() == kinds[0] else _COLOURS.get(),
        "draw": None if _DRAW.get() == "auto" else _DRAW.get(),
        "number": chosen_image(atlas),
    }


def _map(atlas: Atlas, method: str) -> AtlasMap | None:
    """A map; None where it was not computed yet."""
    try:
        return services.map_of(atlas, method)
    except AtlasError:
        if method == "pca":
            raise
        return None


def _method(maps: Mapping[str, AtlasMap]) -> str:
    """The map that was chosen last, of those that there are."""
    sent = _WIDGET.get({}).get("layout")  # browsers can send anything
    if sent in METHODS:
        _METHOD.set(sent)
    return _METHOD.get() if _METHOD.get() in maps else "pca"


def _tsne(atlas: Atlas) -> None:
    """Offer t-SNE, show how far it is, or say how it is made elsewhere."""
    if services.tsne_work(atlas) is not None:
        show_progress(
            partial(services.tsne_work, atlas),
            lambda work: WORDS["progress"].format(percent=share_of(work)),
            partial(services.cancel_tsne, atlas),
            key="atlas-tsne",
            is_fault=False,
        )
    elif len(atlas.select()) < services.FEWEST_FOR_TSNE:
        return
    elif (seconds := services.tsne_seconds(atlas)) is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="atlas-tsne"):
            begin, key = WORDS["begin"], "atlas-tsne-begin"
            st.button(begin, icon=":material/scatter_plot:", key=key, on_click=services.begin_tsne, args=(atlas,))
            st.caption(plain_text(WORDS["offer"].format(time=duration(seconds))), width="stretch")
    else:
        st.caption(plain_text(WORDS["lacking"]))


def _canvas(
    classifier: Classifier, atlas: Atlas, methods: Sequence[str], method: str, places: Places, chosen: Slice
) -> None:
    widget = _WIDGET
    begin = widget.start((_VIEW.get(), _COLOURS.get(), _DRAW.get()))

    def picked() -> None:
        sent = widget.get({}).get("picked")
        if isinstance(sent, int) and -1 <= sent < len(atlas):
            take_image(sent if sent >= 0 else None)

    def line() -> None:
        sent = checked_line(widget.get({}).get("line"))
        if sent is not None:
            take_line(method, sent)

    def opened() -> None:
        match widget.get({}).get("opened"):
            case ["neighbours", int() as image] if 0 <= image < len(atlas):
                show_neighbours(image)
            case ["inspect", int() as image] if 0 <= image < len(atlas):
                open_in_inspect(classifier, atlas, image)

    data = _data(atlas, method, places, chosen) | dict(zip(("view", "colours", "draw"), begin, strict=True))
    data["layouts"] = {name: WORDS[name] for name in methods}
    said = map_canvas(data, Told(picked, line, opened), key=widget.key)
    if said.get("view") is not None:
        _VIEW.set(checked_view(said["view"]))
    for kept, name, known in ((_COLOURS, "colours", COLOUR_WORDS), (_DRAW, "draw", DRAW_WORDS)):
        if said.get(name) in known:
            kept.set(said[name])


def _data(atlas: Atlas, method: str, places: Places, chosen: Slice) -> dict[str, Any]:
    """What the canvas is given, but for what it begins with."""
    drawn, image, line = places.drawn, chosen_image(atlas), drawn_line()
    near = [] if image is None else atlas.neighbours(image).images.tolist()
    known = np.nan_to_num(atlas.confidence[drawn])
    return {
        "id": f"{atlas.folder} {atlas.facts.get('digest')} {method} {len(drawn)} {language()}",
        "points": as_steps(places.places[drawn]),
        "numbers": as_text(drawn.astype("<u4")),
        "labels": as_text(atlas.labels[drawn].astype("<i2")),
        "answers": as_text(_answers(atlas)[drawn].astype("<i2")),
        "confidence": as_text(np.rint(255 * known).astype(np.uint8)),
        "classes": [class_name(name) for name in _names(atlas)],
        "mask": None if chosen.is_whole else as_mask(np.isin(drawn, chosen.images)),
        "line": None if line is None or line[0] != method else list(line[1]),
        "selected": image,
        "linked": image is not None and services.image_in_pages(atlas, image) is not None,
        "near": near,
        "generation": _GENERATION.number,
        "layout": method,
        **_sheets(atlas, method, places),
        **words_of_map(colour_kinds(atlas)),
    }


def colour_kinds(atlas: Atlas) -> list[str]:
    """What colours can say of an atlas's images, what is usual first; of images of which nothing is known, no class."""
    known = {
        "class": atlas.has_labels,
        "answer": atlas.has_answers,
        "right": atlas.can_be_right,
        "confidence": atlas.has_answers,
    }
    return [kind for kind in COLOUR_WORDS if known[kind]] or ["class"]


def _names(atlas: Atlas) -> tuple[str, ...]:
    """Names of the labels, and of answers that no label has."""
    return (*atlas.label_classes, *(name for name in atlas.classes if name not in atlas.label_classes))


def _answers(atlas: Atlas) -> np.ndarray:
    """Answers as places in `_names`; -1 without one."""
    if atlas.classes == atlas.label_classes:
        return atlas.answers
    names = _names(atlas)
    places = np.array([*(names.index(name) for name in atlas.classes), -1], np.int64)
    found: np.ndarray = places[atlas.answers]
    return found


def _sheets(atlas: Atlas, method: str, places: Places) -> dict[str, Any]:
    """Addresses of the sheets of thumbnails; none of an atlas without thumbnails."""
    if atlas.contents.thumbnails is None:
        return {"sheets": [], "side": 32, "columns": COLUMNS, "each": COLUMNS * COLUMNS}

    def make() -> tuple[int, list[bytes]]:
        side = int(atlas.thumbnails(places.drawn[:1]).shape[1])
        return side, [*sheets_of(places.drawn.tolist(), atlas.thumbnails)]

    with waiting_shown():
        side, sheets = services.computed_once(atlas, f"sheets {method}", make)
    found = [media_address(one, "image/jpeg", f"atlas-sheet-{number}") for number, one in enumerate(sheets)]
    return {"sheets": found, "side": side, "columns": COLUMNS, "each": COLUMNS * COLUMNS}


def _say(atlas: Atlas, maps: Mapping[str, AtlasMap], places: Places) -> None:
    pca, tsne = maps["pca"], maps.get("tsne")
    first, second = pca.explained or (0.0, 0.0)
    kind = "kept" if tsne is None else "kept_both"
    template = WORDS["axes" if pca.sample <= NEAREST else kind]  # fewer images are all near each other
    first_said = template.format(
        pca=_percent(pca.kept),
        tsne="" if tsne is None else _percent(tsne.kept),
        sample=f"{pca.sample:,}",
        first=_percent(first),
        second=_percent(second),
    )
    said, total = [first_said], int(atlas.ok.sum())
    if pca.compared_with < total:
        said.append(WORDS["among"].format(count=f"{pca.compared_with:,}"))
    if len(places.drawn) < total:
        said.append(WORDS["some"].format(count=f"{len(places.drawn):,}", total=f"{total:,}"))
    st.caption(plain_text(paragraph(*said)))


def _percent(share: float) -> str:
    return WORDS["percent"].format(share=f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.1f}")
