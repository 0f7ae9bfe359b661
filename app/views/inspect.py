"""Inspect: one picture, what the network made of it, and what every block attended to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import links, own_networks, picked, services
from app.components.ahead import Ahead, send_ahead
from app.components.attention import attention_viewer
from app.components.camera import take_photo
from app.components.copy_link import copy_link
from app.components.downloads import downloads
from app.components.gallery import choose_from_gallery
from app.components.one_of import choose_one
from app.components.prediction import framed_square, prediction
from app.components.strip import strip
from app.components.test_set import COLUMNS, Answered, choose_test_image, keep_chosen
from app.components.uploads import (
    Upload,
    choose_fit,
    not_left_out,
    one_by_one,
    overview,
    say,
    say_where_they_live,
    square_key,
    uploads,
)
from app.picked import Picked
from app.words import Words, class_name, listed, sentence
from cbam_core.classifier import Classifier
from cbam_core.data.cifar10 import CLASSES, LabelledImages
from cbam_core.data.fitting import Fit
from cbam_core.errors import CbamError
from cbam_core.training.evaluation import Evaluation
from cbam_core.training.selection import select
from cbam_core.viewer import Settings

FIRST = 31
"""Place in the sample sheet of the image to begin with: a cat that faces us shows best that masks have places."""

WORDS = Words(
    {
        "title": "Inspect",
        "from": "Picture from",
        "sample": "Samples",
        "test": "Test set",
        "upload": "Upload",
        "camera": "Camera",
        "folder": "Folder",
        "any": "Any picture will do; the network knows {classes}.",
        "not_fetched": "The ten thousand test images of CIFAR-10 are not on this server yet; whoever runs the app gets "
        "them with `cbam data fetch`.",
        "brought": "The picture that you looked at last.",
        "forget": "Put it away",
        "caption": "CIFAR-10 test image {index}, as the network saw it",
        "gates": "A block multiplies each feature channel by its channel weight, and each place by the value of its "
        "spatial mask: near 1 lets through, near 0 holds back. They show what this network let through for this "
        "picture; they are not a reason for the class that it chose.",
    }
)

_SOURCE, _STARTS, _FIT = "inspect-source", "inspect-starts", "fit"

Square = tuple[float, float, float]
"""Left, top and side in the picture's own pixels."""


def inspect(classifier: Classifier, asked: dict[str, Any]) -> None:
    """The page below the sidebar.

    Args:
        classifier: the network.
        asked: what an address asked for that the visitor came by, see `app.links.arrive`.
    """
    parts: dict[str, Callable[[Classifier, bool], None]] = {
        "sample": _from_samples,
        "test": _from_test_set,
        "upload": _from_uploads,
        "camera": _from_camera,
    }
    if services.has_gallery():
        parts["folder"] = _from_gallery
    _follow(asked)
    labels = {name: WORDS[name] for name in parts}
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(WORDS["title"], anchor=False, width="content")
        source = choose_one(WORDS["from"], list(parts), labels, key=_SOURCE)
    st.session_state[_STARTS]["source"] = source
    # Every source stays on the page, all but one hidden, so that going back and forth loses no choice.
    for name, part in parts.items():
        with st.container(key=f"source-{name}"):
            part(classifier, name == source)
    # Last, and outside the fragments: it must not delay the first result, nor travel with every choice.
    send_ahead("sample", classifier.digest, services.samples_ahead(classifier))
    # What wraps a container is hidden as well, or the gap around it would stay.
    hidden = ", ".join(f":has(> .st-key-source-{name})" for name in parts if name != source)
    st.html(f"<style>{hidden} {{ display: none }}</style>")


def _follow(asked: dict[str, Any]) -> None:
    """Begin with what an address asked for, as far as there is such a thing."""
    begin = {"source": "sample", "sample": FIRST, "folder": 0, "strip": 0, "viewer": 0, "settings": {}, "squares": {}}
    starts = st.session_state.setdefault(_STARTS, {**begin, "visited": set()})
    if _SOURCE not in st.session_state:
        _come_back(starts)
    if not asked:
        return
    source, which = asked.get("image", ("", None))
    test = services.test_set()
    if source == "sample" and which < len(services.samples().images):
        starts["sample"] = which
    elif source == "test" and test is not None and which < len(test.labels):
        keep_chosen(which)
    elif source == "folder" and which in (names := _gallery_names()):
        starts["folder"] = names.index(which)
        st.session_state[_FIT] = asked.get("fit", "crop")
        starts["squares"] = {which: asked["square"]} if "square" in asked else {}
    else:
        source = ""
    if source:
        st.session_state[_SOURCE] = source
        starts["strip"] += 1
    settings = links.settings_of(asked)
    if settings != starts["settings"]:
        starts["settings"] = settings
        starts["viewer"] += 1


def _come_back(starts: dict[str, Any]) -> None:
    """Begin with what was chosen before another page was shown, for which Streamlit forgot every widget."""
    st.session_state[_SOURCE] = starts["source"]
    last = picked.last()
    if last is None:
        return
    if last.source == "sample" and last.index is not None:
        starts["sample"] = last.index
    elif last.upload is not None:
        st.session_state[_FIT] = last.fit
        if last.square is not None:
            starts["squares"] = {last.upload.name: last.square}
        if starts["source"] == "folder" and last.upload.name in (names := _gallery_names()):
            starts["folder"] = names.index(last.upload.name)
        elif starts["source"] == "upload":
            starts["brought"] = last.upload


@st.fragment
def _from_samples(classifier: Classifier, shown: bool) -> None:
    """The bundled images; choosing one runs this part of the page alone."""
    starts = st.session_state[_STARTS]
    sheet = services.samples()
    index = strip(
        services.sample_png(),
        services.sample_tiles(),
        columns=10,
        chosen=starts["sample"],
        key=_turned("sample", "strip"),
        channel="sample",
        of=classifier.digest,
    )
    if not shown:
        return
    picked.note(Picked("sample", index))
    picture = services.show_sample(classifier, index)
    ahead = Ahead("sample", classifier.digest, index)
    caption, truth = services.about_sample(index)
    name = f"cifar10-test-{int(sheet.indices[index])}"
    _result(classifier, picture, name, caption=caption, truth=truth, link=f"sample-{index}", ahead=ahead, key="sample")


@st.fragment
def _from_test_set(classifier: Classifier, shown: bool) -> None:
    """All test images, where they were fetched."""
    if not _was_shown("test", shown):
        return
    test = services.test_set()
    if test is None:
        st.info(WORDS["not_fetched"], icon=":material/cloud_download:")
        if shown:
            _write_nothing(classifier)
        return
    answers = services.kept_answers(classifier, test)
    index = choose_test_image(
        CLASSES,
        first=int(services.samples().indices[FIRST]),
        count=len(test.labels),
        find=lambda selection: select(test.labels, selection, answers),
        about=lambda index: _answered(test, answers, index),
        sheet=lambda indices: services.test_sheet(indices, COLUMNS),
        unanswered=None if answers is not None else _why_unanswered(classifier),
    )
    if not shown:
        return
    if index is None:
        _write_nothing(classifier)
        return
    picked.note(Picked("test", index))
    _result(
        classifier,
        services.show_test_image(classifier, index),
        f"cifar10-test-{index}",
        caption=WORDS["caption"].format(index=index),
        truth=CLASSES[int(test.labels[index])],
        link=f"test-{index}",
        key="test",
    )


@st.fragment
def _from_uploads(classifier: Classifier, shown: bool) -> None:
    """The visitor's own pictures, one opened at a time."""
    starts = st.session_state[_STARTS]
    given = uploads()
    if given:
        starts.pop("brought", None)
    if not shown:
        return
    brought: Upload | None = starts.get("brought")
    if brought is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(WORDS["brought"], width="content")
            st.button(WORDS["forget"], type="tertiary", on_click=_forget, key="uploads-forget")
        _own_pictures(classifier, [brought], key="upload")
    elif given:
        _own_pictures(classifier, given, key="upload")
    else:
        st.markdown(WORDS["any"].format(classes=listed(map(class_name, classifier.classes))))
        _write_nothing(classifier)
    say_where_they_live()


def _forget() -> None:
    """Let go of the picture that was looked at last."""
    st.session_state[_STARTS].pop("brought", None)
    picked.forget()


@st.fragment
def _from_camera(classifier: Classifier, shown: bool) -> None:
    """What the visitor's camera sees."""
    if not shown:
        return
    photo = take_photo()
    if photo is not None:
        _own_pictures(classifier, [photo], key="camera")
    else:
        _write_nothing(classifier)
    say_where_they_live()


@st.fragment
def _from_gallery(classifier: Classifier, shown: bool) -> None:
    """Pictures that whoever runs the app has laid out."""
    if not _was_shown("folder", shown):
        return
    try:
        pictures = services.gallery()
    except CbamError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    place = choose_from_gallery(
        [picture.name for picture in pictures],
        lambda place: services.gallery_tile(pictures[place]),
        first=min(st.session_state[_STARTS]["folder"], max(len(pictures) - 1, 0)),
        key=_turned("gallery", "strip"),
    )
    if place is None or not shown:
        return
    try:
        chosen = services.gallery_file(pictures[place])
    except CbamError as error:
        say(error, pictures[place].name)
        return
    _own_pictures(classifier, [chosen], key="folder", link=f"folder-{chosen.name}")


def _own_pictures(classifier: Classifier, given: Sequence[Upload], *, key: str, link: str | None = None) -> None:
    """Pictures of any size, fitted to the network's input as the visitor wishes."""
    fit = choose_fit()
    given = not_left_out(given)
    pictures, refused = {}, {}
    for upload in one_by_one(given):
        try:
            pictures[upload.digest] = _fitted(classifier, upload, fit)
        except CbamError as error:
            refused[upload.digest] = error
    opened = overview(given, pictures, refused) if len(given) > 1 else given[0]
    if opened.digest in refused:
        say(refused[opened.digest], opened.name)
        _write_nothing(classifier)
        return
    square = _square(opened) if fit == "square" else None
    picked.note(Picked("upload", upload=opened, fit=fit, square=square))
    read = [one for one in given if one.digest in pictures]
    _result(
        classifier,
        pictures[opened.digest],
        opened.name,
        caption=opened.name,
        movable=fit == "square",
        frame=square_key(opened),
        together={one.name: pictures[one.digest] for one in read},
        files={one.name: one.content for one in read},
        link=link,
        fit=fit,
        square=square,
        key=key,
    )


def _fitted(classifier: Classifier, upload: Upload, fit: Fit) -> services.Shown:
    """A picture that the network saw; a part that an address names is left where the picture has no such part."""
    square = _square(upload) if fit == "square" else None
    try:
        return services.show_upload(classifier, upload.digest, upload.content, fit, square)
    except CbamError as error:
        linked: dict[str, Square] = st.session_state[_STARTS]["squares"]
        if error.code != "fit.square-outside" or linked.pop(upload.name, None) is None:
            raise
    square = _square(upload)
    return services.show_upload(classifier, upload.digest, upload.content, fit, square)


def _write_nothing(classifier: Classifier) -> None:
    """The address of the page alone: what was there before is no more to be seen."""
    links.write(network=links.network_of(classifier))


def _result(
    classifier: Classifier,
    picture: services.Shown,
    name: str,
    *,
    caption: str,
    truth: str | None = None,
    movable: bool = False,
    frame: str = "",
    together: dict[str, services.Shown] | None = None,
    files: dict[str, bytes] | None = None,
    link: str | None = None,
    fit: str = "crop",
    square: tuple[float, float, float] | None = None,
    ahead: Ahead | None = None,
    key: str,
) -> None:
    """Everything about one picture, and its address."""
    result, tools = _result_and_tools()
    with result:
        prediction(
            picture.explanation,
            caption=caption,
            truth=truth,
            preview=picture.preview,
            movable=movable,
            key=frame or f"{key}-prediction",
            ahead=ahead,
        )
    usual = Settings(**picture.view["settings"])
    settings = _viewer(picture.view, key=key, ahead=ahead)
    linked = link is not None and not own_networks.is_own(classifier)
    foot = st.container()  # beside the picture a sentence would push the viewer off the first screen
    with tools:
        shown = {name: picture} if together is None else together
        downloads(
            {each: one.explanation for each, one in shown.items()}, settings, files=files or {}, opened=name, key=key
        )
        copy_link(possible=linked, note=foot, key=f"{key}-link")
    st.caption(WORDS["gates"])
    links.write(
        network=links.network_of(classifier),
        image=link,
        fit=fit if link and fit != "crop" else None,
        square=square if link else None,
        **links.settings_as_parameters(settings, usual),
    )


def _viewer(view: dict[str, Any], *, key: str, ahead: Ahead | None) -> Settings:
    """The viewer with the settings that the visitor made on any source, or came with."""
    starts = st.session_state[_STARTS]
    usual = Settings(**view["settings"])
    begun = usual.changed_by(starts["settings"])
    return attention_viewer({**view, "settings": begun.as_dict()}, key=_turned(f"{key}-viewer", "viewer"), ahead=ahead)


def _answered(test: LabelledImages, answers: Evaluation | None, index: int) -> Answered:
    predicted = None if answers is None else CLASSES[int(answers.predicted[index])]
    return Answered(CLASSES[int(test.labels[index])], predicted)


def _why_unanswered(classifier: Classifier) -> str:
    if classifier.classes != CLASSES:
        return "other_classes"
    return "own" if own_networks.is_own(classifier) else "not_kept"


def _gallery_names() -> list[str]:
    try:
        return [picture.name for picture in services.gallery()]
    except CbamError:
        return []  # the part of the page that shows them says why


def _square(upload: Upload) -> Square | None:
    """The part of a picture that the visitor framed, or came with."""
    linked: dict[str, Square] = st.session_state[_STARTS]["squares"]
    return framed_square(square_key(upload)) or linked.get(upload.name)


def _was_shown(source: str, shown: bool) -> bool:
    """Whether a source was ever looked at: before that it costs nothing, after that it keeps what was chosen."""
    visited: set[str] = st.session_state[_STARTS]["visited"]
    if shown:
        visited.add(source)
    return source in visited


def _turned(key: str, what: str) -> str:
    """A widget's key; another one after an address asked for something else, so that the widget begins with that."""
    turn = st.session_state[_STARTS][what]
    return f"{key}-{turn}" if turn else key


def _result_and_tools() -> list[DeltaGenerator]:
    return st.columns([6.6, 1], gap="small")


inspect(st.session_state["network"], st.session_state["asked"])
