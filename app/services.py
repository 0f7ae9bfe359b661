"""What pages ask for, remembered: networks for everybody, an uploaded picture's results for its visitor alone.

The only file with cache decorators. Keys are digests and settings, never pictures: what Streamlit would hash of a
large array is a sample of it. What comes of an upload is kept in the visitor's session, and goes with it.
What is not remembered yet is worked out in a `turn`, so that nobody's work keeps everybody waiting.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from app import own_networks
from app.components.prediction import prediction_data, preview_of
from app.components.strip import Tile, lay_out_tiles
from app.components.uploads import Upload
from app.turns import turn
from app.words import Words, class_name, language
from cbam_core.classifier import Classifier, load_classifier
from cbam_core.data.cifar10 import CLASSES, LabelledImages, open_split
from cbam_core.data.fitting import Fit
from cbam_core.data.gallery import MOST as MOST_PICTURES
from cbam_core.data.gallery import GalleryPicture, list_pictures, thumbnail
from cbam_core.data.images import MAX_BYTES, Picture, decode
from cbam_core.data.samples import SHEET, SampleSheet, sample_sheet
from cbam_core.errors import CbamError, CheckpointError, DataError, ImageError, TrainingError
from cbam_core.explanation import ChannelMap, Explanation, explain, explain_channel
from cbam_core.explanation.comparison import GateSummary, summarise_gates
from cbam_core.explanation.summary_file import Summaries, keep_summaries, open_summaries, summaries_path
from cbam_core.explanation.summing import STEP, GateSums
from cbam_core.nn.kernels import SpatialKernel, spatial_kernels
from cbam_core.nn.summary import Summary, summarise
from cbam_core.places import checkpoint_folder, image_folder, runs_folder, shipped_checkpoints
from cbam_core.render.curves import both
from cbam_core.serving import prepare_to_serve
from cbam_core.training.evaluation import Evaluation
from cbam_core.training.evaluation_file import evaluation_path, open_evaluation
from cbam_core.training.film import Film, open_film
from cbam_core.training.listing import Run, find_runs
from cbam_core.training.records import Progress, read_history, read_progress
from cbam_core.training.watching import History
from cbam_core.viewer import WORDS as VIEWER_WORDS
from cbam_core.viewer import Settings, lay_out
from cbam_core.viewer.payload import png
from cbam_core.viewer.player import PLAYER_WORDS, lay_out_film
from cbam_core.weights.card import Card

WORDS = Words(
    {
        "tile": "{name}, test image {index}",
        "sample": "CIFAR-10 test image {index}, as the network saw it",
    }
)

DEFAULT_NETWORK = "cbam_cnn_cifar10"

TILE = 88
"""Side of a thumbnail of the gallery, pixels: twice the side on the page, for dense screens."""

FIRST_SHARE = 0.7
"""Side of the square offered first, as a share of the shorter side: small enough to be seen to be movable."""

Square = tuple[float, float, float]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Shown:
    """One picture, ready for the page.

    Attributes:
        explanation: what the network did with it.
        view: what the attention viewer is given.
        preview: a photo as a file for the browser; None where the picture is the network's input itself.
    """

    explanation: Explanation
    view: dict[str, Any]
    preview: bytes | None


def networks() -> tuple[str, ...]:
    """Names of the trained networks at hand: the default one first, the visitor's own ones last.

    Raises:
        CheckpointError: none ships.
    """
    return (*shipped_networks(), *own_networks.names())


def shipped_networks() -> tuple[str, ...]:
    """Names of the networks that every visitor has, the default one first.

    Raises:
        CheckpointError: there is none.
    """
    names = sorted(shipped_checkpoints(), key=lambda name: (name != DEFAULT_NETWORK, name))
    if not names:
        raise CheckpointError(
            "checkpoint.none-shipped",
            "no trained network was found in {folder}; "
            "put a .safetensors checkpoint there, or train one with 'cbam train'",
            folder=str(checkpoint_folder()),
        )
    return tuple(names)


def network(name: str) -> Classifier:
    """A trained network; one object serves every visitor, but for what a visitor brought themselves."""
    return own_networks.find(name) or _network(name)


@st.cache_resource(max_entries=8, show_spinner=False)
def _network(name: str) -> Classifier:
    return load_classifier(shipped_checkpoints()[name], name=name)


def samples() -> SampleSheet:
    """The bundled sample images."""
    return sample_sheet()


@cache
def sample_png() -> bytes:
    """The bundled images as one PNG, for the browser."""
    return SHEET.read_bytes()


def sample_tiles() -> tuple[Tile, ...]:
    """What each tile of the bundled sheet is, in the session's language."""
    return _sample_tiles(language())


@cache
def _sample_tiles(language: str) -> tuple[Tile, ...]:  # noqa: ARG001
    sheet = sample_sheet()
    return tuple(
        Tile(place, WORDS["tile"].format(name=class_name(CLASSES[label]), index=index), CLASSES[label])
        for place, (label, index) in enumerate(zip(sheet.labels.tolist(), sheet.indices.tolist(), strict=True))
    )


def show_sample(classifier: Classifier, index: int) -> Shown:
    """A bundled image, explained.

    Args:
        classifier: the network.
        index: place in the sample sheet.
    """
    return _recall(_shown_sample, classifier, index)


def about_sample(index: int) -> tuple[str, str]:
    """What is said of a bundled image: its caption and its true class."""
    sheet = sample_sheet()
    return WORDS["sample"].format(index=int(sheet.indices[index])), CLASSES[int(sheet.labels[index])]


def test_set() -> LabelledImages | None:
    """The ten thousand test images; None where they were not fetched."""
    try:
        return open_split("test")
    except DataError:
        return None


def about_test_image(index: int) -> tuple[str, str]:
    """What is said of an image of the test set: its caption and its true class.

    Raises:
        DataError: the test set is not there.
    """
    return WORDS["sample"].format(index=index), CLASSES[int(open_split("test").labels[index])]


def show_test_image(classifier: Classifier, index: int) -> Shown:
    """An image of the test set, explained.

    Args:
        classifier: the network.
        index: of the image.

    Raises:
        DataError: the test set is not there.
    """
    return _recall(_shown_test_image, classifier, index)


def kept_answers(classifier: Classifier, test: LabelledImages) -> Evaluation | None:
    """What the network answered for the test images; None where that was not kept, or its classes are others."""
    try:
        found = evaluation_of(classifier)
    except TrainingError:
        return None
    same = found.classes == CLASSES and np.array_equal(found.labels, test.labels)
    return found if same else None


def test_sheet(indices: tuple[int, ...], columns: int) -> bytes:
    """Test images as one PNG, so many in a row."""
    test = test_set()
    return png(lay_out_tiles([test.images[index] for index in indices], columns)) if test is not None else b""


def has_gallery() -> bool:
    """Whether whoever runs the app has laid out pictures for every visitor."""
    return image_folder() is not None


def gallery() -> tuple[GalleryPicture, ...]:
    """The pictures that whoever runs the app has laid out for every visitor.

    Raises:
        DataError: the folder cannot be read.
    """
    folder = image_folder()
    return () if folder is None else list_pictures(folder)


def gallery_tile(picture: GalleryPicture) -> np.ndarray:
    """A thumbnail, uint8 RGB; grey where the file cannot be shown."""
    return _gallery_tile(str(picture.path), stamp_of(picture.path))


def gallery_file(picture: GalleryPicture) -> Upload:
    """A picture of the gallery as if the visitor had brought it.

    Raises:
        DataError: the file is gone, or grew too large.
    """
    return _gallery_file(str(picture.path), stamp_of(picture.path))


@st.cache_data(max_entries=2 * MOST_PICTURES, show_spinner=False)
def _gallery_tile(path: str, stamp: Stamp | None) -> np.ndarray:  # noqa: ARG001
    try:
        with turn():
            return thumbnail(Path(path), TILE)
    except ImageError:
        return np.full((TILE, TILE, 3), 128, np.uint8)


@st.cache_resource(max_entries=8, show_spinner=False)  # bytes are never changed
def _gallery_file(path: str, stamp: Stamp | None) -> Upload:  # noqa: ARG001
    file = Path(path)
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)  # a larger one is refused when it is decoded
    except OSError as error:
        raise DataError(
            "gallery.gone",
            "{name} cannot be read any more ({reason}); choose another picture",
            name=file.name,
            reason=error.strerror or type(error).__name__,
        ) from error
    return Upload(file.name, hashlib.sha256(content).hexdigest(), content)


@st.cache_data(max_entries=2000, show_spinner=False)
def _shown_test_image(network: tuple[str, str], index: int, _classifier: Classifier) -> Shown:  # noqa: ARG001
    images = open_split("test").images
    with turn():
        return _shown(_classifier, decode(np.ascontiguousarray(images[index])), "crop", None)


def samples_ahead(classifier: Classifier) -> str:
    """The results of all bundled images, in the session's language, for `app.components.ahead`."""
    return _recall(_samples_ahead, classifier, language())


def show_upload(classifier: Classifier, digest: str, content: bytes, fit: Fit, square: Square | None) -> Shown:
    """An uploaded picture, explained.

    Args:
        classifier: the network.
        digest: SHA-256 of `content`, which results are kept under.
        content: the file.
        fit: how it comes to the network's size.
        square: for ``fit="square"``: left, top and side in its own pixels; None for a part in the middle.

    Raises:
        ImageError: the file is no picture, or cannot be fitted.
    """
    return _shown_upload(_key(classifier), digest, fit, square, classifier, content)


def channel_map(classifier: Classifier, explanation: Explanation, block: str, channel: int, *, own: bool) -> ChannelMap:
    """One channel's feature map of a picture that was explained.

    Args:
        classifier: the network.
        explanation: of the picture.
        block: name of a block with channel weights.
        channel: number of the channel.
        own: whether the picture is the visitor's own, whose results are kept for them alone.

    Raises:
        CaptureError: there is no such block or channel.
    """
    seen = hashlib.sha256(explanation.input_image.tobytes()).hexdigest()
    remembered = _own_channel_map if own or own_networks.is_own(classifier) else _channel_map
    return remembered(_key(classifier), seen, block, channel, classifier, explanation)


def _key(classifier: Classifier) -> tuple[str, str]:
    """One file may stand under two names, and results carry the name."""
    return classifier.name, classifier.digest


def _recall(remembered: Callable[..., Result], classifier: Classifier, *settings: Hashable) -> Result:
    """What a function made of a network, remembered for everybody, or with a visitor's own network.

    Args:
        remembered: takes the network's key, `settings` and the network, and remembers by the former two.
        classifier: the network.
        *settings: whatever else decides about the result.
    """
    key = _key(classifier)
    if not own_networks.is_own(classifier):
        return remembered(key, *settings, classifier)
    make: Callable[..., Result] = inspect.unwrap(remembered)
    return own_networks.recall(classifier, (make.__name__, *settings), lambda: make(key, *settings, classifier))


# Streamlit leaves arguments that start with an underscore out of the key; the digests stand for them.
@st.cache_data(max_entries=2000, show_spinner=False)
def _shown_sample(network: tuple[str, str], index: int, _classifier: Classifier) -> Shown:  # noqa: ARG001
    with turn():
        return _shown(_classifier, decode(sample_sheet().images[index]), "crop", None)


@st.cache_data(max_entries=8, show_spinner=False)
def _samples_ahead(network: tuple[str, str], language: str, _classifier: Classifier) -> str:  # noqa: ARG001
    results = []
    for index in range(len(sample_sheet().images)):
        shown = show_sample(_classifier, index)
        caption, truth = about_sample(index)
        about = prediction_data(shown.explanation, caption=caption, truth=truth)
        rgb = about["picture"].pop("rgb")
        image = {name: shown.view["images"][0][name] for name in ("id", "width", "height", "pixelated", "seen")}
        view = {"blocks": shown.view["blocks"], "image": image}
        results.append({"prediction": about, "view": view, "rgb": rgb})
    return json.dumps(results, separators=(",", ":"))


@st.cache_data(max_entries=32, scope="session", show_spinner=False)
def _shown_upload(
    network: tuple[str, str],  # noqa: ARG001
    digest: str,  # noqa: ARG001
    fit: Fit,
    square: Square | None,
    _classifier: Classifier,
    _content: bytes,
) -> Shown:
    with turn():
        picture = decode(_content)
        if fit == "square" and square is None:
            width, height = picture.size
            side = FIRST_SHARE * min(width, height)
            square = ((width - side) / 2, (height - side) / 2, side)
        return _shown(_classifier, picture, fit, square)


def _shown(classifier: Classifier, picture: Picture, fit: Fit, square: Square | None) -> Shown:
    explanation = explain(classifier, picture, fit, square=square)
    same = np.array_equal(picture.pixels, explanation.input_image)
    original = None if same else picture.pixels
    view = lay_out(
        explanation.input_image,
        explanation.frame,
        explanation.blocks,
        original=original,
        settings=Settings(image="input" if same else "original"),
    )
    return Shown(explanation, view.as_dict(), None if same else preview_of(picture.pixels))


@st.cache_data(max_entries=2000, show_spinner=False)
def _channel_map(
    network: tuple[str, str],  # noqa: ARG001
    seen: str,  # noqa: ARG001
    block: str,
    channel: int,
    _classifier: Classifier,
    _explanation: Explanation,
) -> ChannelMap:
    with turn():
        return explain_channel(_classifier, _explanation, block, channel)


@st.cache_data(max_entries=64, scope="session", show_spinner=False)
def _own_channel_map(
    network: tuple[str, str],  # noqa: ARG001
    seen: str,  # noqa: ARG001
    block: str,
    channel: int,
    _classifier: Classifier,
    _explanation: Explanation,
) -> ChannelMap:
    with turn():
        return explain_channel(_classifier, _explanation, block, channel)


def class_images(name: str) -> np.ndarray:
    """The bundled images of a class, uint8 RGB (N, 32, 32, 3)."""
    sheet = sample_sheet()
    images: np.ndarray = sheet.images[sheet.labels == CLASSES.index(name)]
    return images


def class_summaries(classifier: Classifier) -> dict[str, GateSummary]:
    """What a network's gates do on the bundled images of every class, by the class's name."""
    return _recall(_class_summaries, classifier)


@st.cache_data(max_entries=8, show_spinner=False)
def _class_summaries(network: tuple[str, str], _classifier: Classifier) -> dict[str, GateSummary]:  # noqa: ARG001
    sheet = sample_sheet()
    with turn():
        explanations = explain(_classifier, [*sheet.images])  # in batches
    return {
        name: summarise_gates([explanations[place] for place in np.flatnonzero(sheet.labels == label)])
        for label, name in enumerate(CLASSES)
    }


def test_summaries(classifier: Classifier, report: Callable[[int, int], None]) -> Summaries:
    """What a network's gates do on all test images of every class, by the class's name.

    It is worked out once a network and kept in the cache folder; that of a visitor's own network, in their session. A
    run that Streamlit ends meanwhile is gone on with by the next one.

    Args:
        classifier: the network.
        report: called between steps, while it is worked out, with the number of images done and of all.

    Raises:
        DataError: the test set is not there.
    """
    known = _recall(_known_summaries, classifier)
    if "test" not in known:
        path = None if own_networks.is_own(classifier) else summaries_path(classifier.digest, "test")
        found = None if path is None else open_summaries(path)
        if found is None or tuple(found) != CLASSES:
            found = _sum_up(classifier, report)
            if path is not None:
                keep_summaries(found, path)
        known["test"] = found
    return known["test"]


def _sum_up(classifier: Classifier, report: Callable[[int, int], None]) -> Summaries:
    test, kept = open_split("test"), f"summing-{classifier.digest}"
    sums: GateSums = st.session_state.setdefault(kept, GateSums(classifier, CLASSES))
    while sums.count < len(test.labels):
        report(sums.count, len(test.labels))  # draws, and is where Streamlit ends runs that are not wanted any more
        step = slice(sums.count, sums.count + STEP)
        with turn():
            sums.add(np.array(test.images[step]), np.array(test.labels[step]))
    del st.session_state[kept]
    return sums.summaries()


@st.cache_resource(max_entries=8, show_spinner=False)
def _known_summaries(network: tuple[str, str], _classifier: Classifier) -> dict[str, Summaries]:  # noqa: ARG001
    """A place to remember summaries in: a cached function that made them would keep others waiting at its lock."""
    return {}


FIRST_CLASS = "cat"
"""Of the image that a film shows first: on an animal with eyes and ears it is seen best that masks have places."""

Stamp = tuple[int, int]
"""When a file was last written (nanoseconds since 1970), and its size in bytes: another one, another content."""


def training_runs() -> dict[str, Run]:
    """The trainings that there is something to show of."""
    return find_runs(checkpoint_folder(), runs_folder())


def stamp_of(path: Path) -> Stamp | None:
    """What tells one version of a file from the next; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def run_progress(run: Run) -> Progress | None:
    """Where a run is; None for one that ships, and for one that has said nothing yet."""
    return None if run.folder is None else read_progress(run.folder)


def run_history(run: Run) -> tuple[dict[str, Any], History]:
    """A run's recipe and history.

    Raises:
        CbamError: the file is missing or damaged.
    """
    return _history(str(run.history), stamp_of(run.history))


def run_film(run: Run) -> Film:
    """A run's film.

    Raises:
        TrainingError: the file is missing or damaged.
    """
    return _film(str(run.film), stamp_of(run.film))


def film_data(run: Run) -> dict[str, Any]:
    """What the film player is given.

    Raises:
        CbamError: the film is damaged.
    """
    film, history = (str(run.film), stamp_of(run.film)), (str(run.history), stamp_of(run.history))
    return _film_data(run.name, *film, *history, language())


def card_of(run: Run) -> Card | None:
    """The card of a network that ships; None for a run that was made here."""
    return network(run.name).card if run.ships and run.name in shipped_checkpoints() else None


@st.cache_data(max_entries=32, show_spinner=False)
def _history(path: str, stamp: Stamp | None) -> tuple[dict[str, Any], History]:  # noqa: ARG001
    recipe, history = read_history(Path(path))
    for measure in ("accuracy", "loss"):
        both(history.epochs, measure)  # raises where something is not a number
    return recipe, history


@st.cache_data(max_entries=8, show_spinner=False)
def _film(path: str, stamp: Stamp | None) -> Film:  # noqa: ARG001
    return open_film(Path(path))


@st.cache_data(max_entries=8, show_spinner=False)
def _film_data(
    name: str,
    path: str,
    stamp: Stamp | None,
    history_path: str,
    history_stamp: Stamp | None,
    language: str,  # noqa: ARG001
) -> dict[str, Any]:
    try:
        _, history = _history(history_path, history_stamp)
        curve = [(epoch.number, epoch.validation_accuracy) for epoch in history.epochs]
    except CbamError:
        curve = []  # the film has its own accuracies
    film = _film(path, stamp)
    classes = [film.classes[label] for label in film.labels.tolist() if label in range(len(film.classes))]
    first = classes.index(FIRST_CLASS) if FIRST_CLASS in classes else 0
    return lay_out_film(
        replace(film, classes=tuple(map(class_name, film.classes))),
        name=name,
        curve=curve,
        image=first,
        words=Words(PLAYER_WORDS),
        viewer_words=Words(VIEWER_WORDS),
    )


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What a network consists of.

    Attributes:
        summary: its layers and sizes.
        kernels: of its spatial attention, block by block.
    """

    summary: Summary
    kernels: tuple[SpatialKernel, ...]


def anatomy(classifier: Classifier) -> Anatomy:
    """Layers, sizes and kernels of a network."""
    return _anatomy(_key(classifier), classifier)


def evaluation_of(classifier: Classifier) -> Evaluation:
    """What the network answered for the test set, where that was kept beside its checkpoint.

    Raises:
        TrainingError: it was not kept, is damaged, or is of other weights; see `open_evaluation`.
    """
    file = shipped_checkpoints().get(classifier.name)
    if file is None or network(classifier.name).digest != classifier.digest:  # a visitor's file may have any name
        raise TrainingError("evaluation.none", "{checkpoint} was not evaluated yet", checkpoint=classifier.name)
    return _evaluation(str(file), stamp_of(evaluation_path(file)), classifier.digest)


@st.cache_data(max_entries=8, scope="session", show_spinner=False)
def _anatomy(network: tuple[str, str], _classifier: Classifier) -> Anatomy:  # noqa: ARG001
    with turn():
        return Anatomy(summarise(_classifier.model, _classifier.input_size), spatial_kernels(_classifier.model))


@st.cache_resource(max_entries=8, show_spinner=False)  # its arrays are read-only
def _evaluation(path: str, stamp: Stamp | None, digest: str) -> Evaluation:  # noqa: ARG001
    return open_evaluation(Path(path), digest)


LOADED_BY_PAGES = ("pandas",)
"""What Streamlit imports only when a page needs it. The collector passes over what is there before the first visitor,
but walks through all that comes later, each time: through pandas alone for longer than a rerun takes."""


def warm_up() -> None:
    """Everything that the first visitor would wait for: the network, the bundled images' results, and lazy imports."""
    prepare_to_serve(lambda: samples_ahead(network(shipped_networks()[0])), _import_what_pages_need)


def _import_what_pages_need() -> None:
    components = files("app.components").iterdir()
    names = [f"app.components.{file.name.removesuffix('.py')}" for file in components if file.name.endswith(".py")]
    for name in (*LOADED_BY_PAGES, *sorted(names)):
        import_module(name)
