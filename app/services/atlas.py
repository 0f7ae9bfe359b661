"""Atlases of a network: which there are, of which images, and those that are open.

They lie in the folders that the operator names, in the cache folder where they are built from the page, and beside the
networks that ship. An atlas belongs to a network by the digest of its weights, not by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import streamlit as st
from jaxtyping import Int64

from app.services.dataset import sample_numbers, samples, test_set
from app.services.file_version import Stamp, stamp_of
from app.services.operator_log import tell_operator
from app.session.scheduling import slot
from cbam_core.atlas.atlas import Atlas
from cbam_core.atlas.layout import DESCRIPTION, TABLES
from cbam_core.atlas.opening import count_read, open_atlas
from cbam_core.atlas.plan import read_plan
from cbam_core.data.dataset import Dataset, image_ids
from cbam_core.errors import CbamError
from cbam_core.network import Classifier
from cbam_core.places import atlas_folders, cache_folder

T = TypeVar("T")

CIFAR10 = "cifar10"
"""The data set that the bundled images are of."""


@dataclass(frozen=True)
class AtlasEntry:
    """An atlas that can be opened.

    Attributes:
        name: name of its folder, which addresses use.
        folder: where it lies.
        title: what its images are called, such as ``"cifar10:test"``.
        count: number of its images.
        changed: what was done to the images, such as ``"blur:3"``; "" for nothing.
        network: name of the network.
        digest: digest of the network's file or weights.
        listing: digest of the images, before they were changed.
        unread: number of images that could not be decoded.
    """

    name: str
    folder: Path
    title: str
    count: int
    changed: str
    network: str = ""
    digest: str = ""
    listing: str = ""
    unread: int = 0


def own_atlas_folder() -> Path:
    """Where atlases are kept that pages build.

    Raises:
        DataError: there is no home folder.
    """
    return cache_folder() / "atlases"


def atlases_of(classifier: Classifier) -> dict[str, AtlasEntry]:
    """The finished atlases of a network, by the names of their folders: of unchanged images first, then the largest."""
    found: dict[str, AtlasEntry] = {}
    for folder in _folders():
        entry = _entry(folder)
        if entry is not None and entry.digest == classifier.digest:
            found.setdefault(entry.name, entry)
    ordered = sorted(found.values(), key=lambda entry: (bool(entry.changed), -entry.count, entry.name))
    return {entry.name: entry for entry in ordered}


def comparable_atlases(atlas: Atlas) -> dict[str, AtlasEntry]:
    """Other finished atlases of images of the same name: of the same network first, then of the same images.

    Those that say the same again, of this network and these images as they are here, come last.
    """
    digest, listing = (atlas.facts.get(of, {}).get(name) for of, name in (("network", "digest"), ("images", "listing")))
    changed = atlas.facts.get("images", {}).get("corruption") or ""
    found: dict[str, AtlasEntry] = {}
    for folder in _folders():
        entry = _entry(folder)
        if entry is not None and folder != atlas.folder and entry.title == atlas.title:
            found.setdefault(entry.name, entry)
    ordered = sorted(
        found.values(),
        key=lambda one: (
            (one.digest, one.listing, one.changed) == (digest, listing, changed),
            one.digest != digest,
            one.listing != listing,
            one.name,
        ),
    )
    return {entry.name: entry for entry in ordered}


def atlas_at(entry: AtlasEntry) -> Atlas:
    """An atlas, opened once for all visitors.

    Raises:
        CbamError: it is damaged, or was just removed; where it lies is the operator's affair and goes into the log.
    """
    try:
        return _opened(str(entry.folder), stamp_of(entry.folder / DESCRIPTION), stamp_of(entry.folder / TABLES))
    except CbamError as error:
        raise unreadable_atlas(entry, error) from error


def first_that_opens(entries: Mapping[str, AtlasEntry]) -> tuple[str, tuple[AtlasEntry, ...]]:
    """Name of the first atlas that can be opened, and those before it, which cannot; the very first if none can.

    Args:
        entries: atlases by name, at least one.
    """
    damaged: list[AtlasEntry] = []
    for name, entry in entries.items():
        try:
            atlas_at(entry)
        except CbamError:
            damaged.append(entry)
        else:
            return name, tuple(damaged)
    return next(iter(entries)), ()


def computed_once(atlas: Atlas, name: str, compute: Callable[[], T]) -> T:
    """What is computed of an atlas once, in a slot; all visitors have it from then on, and wait for none.

    Args:
        atlas: the atlas.
        name: of the result.
        compute: heavy work.
    """

    def make() -> T:
        with slot():
            return compute()

    return atlas.remembered(f"page: {name}", make)


def unreadable_atlas(entry: AtlasEntry, error: CbamError) -> CbamError:
    """What a visitor is told of an atlas that cannot be read; the operator is told where it lies, and why."""
    tell_operator(f"{error.code}: {error}")
    return CbamError(
        "atlas.unreadable",
        "the atlas {name} cannot be opened; the operator can find the reason in the log",
        name=entry.name,
    )


def image_in_pages(atlas: Atlas, image: int) -> str | None:
    """What addresses of other pages call an image of an atlas, such as ``"test-17"``; None where they have none.

    Args:
        atlas: the atlas.
        image: index of the image in it.
    """
    source, numbers = numbers_in_pages(atlas)
    return None if numbers[image] < 0 else f"{source}-{numbers[image]}"


def numbers_in_pages(atlas: Atlas) -> tuple[str, Int64[np.ndarray, " n"]]:
    """Where other pages have the images of an atlas, ``"test"`` or ``"sample"``, and their numbers there, or -1."""
    test = test_set()
    here, source = (samples(), "sample") if test is None else (test, "test")
    name = f"in pages: {source} {here.title} {len(here)}"
    return source, atlas.remembered(name, lambda: _numbers(atlas, _names_of(here, source)))


def _names_of(here: Dataset, source: str) -> dict[str, int]:
    """Numbers of images by the names that atlases have for them: the bundled ones are images of the test set, too."""
    named = {name: number for number, name in enumerate(image_ids(here))}
    if here.name != CIFAR10:
        return named
    bundled = enumerate(zip(image_ids(samples()), sample_numbers().tolist(), strict=True))
    if source == "test":
        return named | {name: number for _, (name, number) in bundled}
    return named | {f"{CIFAR10}:test/{number}": place for place, (_, number) in bundled}


def _numbers(atlas: Atlas, known: Mapping[str, int]) -> Int64[np.ndarray, " n"]:
    return np.fromiter((known.get(name, -1) for name in atlas.ids), np.int64, len(atlas))


def _folders() -> Iterator[Path]:
    """Folders that can be atlases."""
    yield from atlas_folders()
    try:
        yield from (file.parent for file in sorted(own_atlas_folder().glob(f"*/{DESCRIPTION}")))
    except (CbamError, OSError):  # there is no home folder, or it cannot be read
        return


def _entry(folder: Path) -> AtlasEntry | None:
    stamp = stamp_of(folder / DESCRIPTION)
    if stamp is None or stamp_of(folder / TABLES) is None:
        return None
    return _described(str(folder), stamp)


@st.cache_data(max_entries=500, show_spinner=False)
def _described(folder: str, stamp: Stamp) -> AtlasEntry | None:
    """What an atlas says of itself; None of one that cannot be read."""
    place = Path(folder)
    try:
        plan = read_plan(place)
    except CbamError as error:
        tell_operator(f"{error.code}: {error}")
        return None
    images, network = plan.images, plan.network
    unread = plan.count - count_read(place, plan)
    made_of = (images.corruption, network.name, network.digest, images.listing, unread)
    return AtlasEntry(place.name, place, images.title, plan.count, *made_of)


@st.cache_resource(max_entries=4, show_spinner=False)  # its arrays are memory maps, or small
def _opened(folder: str, description: Stamp | None, values: Stamp | None) -> Atlas:
    return open_atlas(Path(folder))
