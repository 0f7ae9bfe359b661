"""t-SNE of an atlas, in the background of a visit."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.services.atlas import computed_once
from app.session import background
from app.session.background import Work, Works

if TYPE_CHECKING:
    from cbam_core.atlas.answers import AtlasMap
    from cbam_core.atlas.atlas import Atlas

EMBEDDING = "cbam_core.atlas.embedding"

FEWEST_FOR_TSNE = 10
"""Images that t-SNE lays out at least, see `cbam_core.atlas.embedding`."""

MOST = 50_000
"""Images up to which t-SNE is offered on a page; a command computes it of more."""


def _atlas_of(atlas: Atlas) -> tuple[Path | None, Any]:
    return atlas.folder, atlas.facts.get("digest")


_WORKS: Works[Atlas, AtlasMap] = Works("atlas-tsne", _atlas_of, shared_by=_atlas_of)


def map_of(atlas: Atlas, method: str) -> AtlasMap:
    """A map of an atlas; that by principal components is computed when it is asked for.

    Args:
        atlas: the atlas.
        method: ``"pca"`` or ``"tsne"``.

    Raises:
        AtlasError: there is no such map, or t-SNE was not computed yet.
    """
    return computed_once(atlas, "map", atlas.map) if method == "pca" else atlas.map(method)


def tsne_seconds(atlas: Atlas) -> float | None:
    """About how long t-SNE takes here; None where it is not offered."""
    if find_spec("openTSNE") is None or len(atlas) > MOST:
        return None
    return max(3.0, _expected_seconds(len(atlas)))


@st.cache_data(ttl=600, max_entries=100, show_spinner=False)  # how busy the machine is changes
def _expected_seconds(count: int) -> float:
    found: float = import_module(EMBEDDING).expected_seconds(count)
    return found


def tsne_work(atlas: Atlas) -> Work[AtlasMap] | None:
    """The computation that goes on in this visit, or that went wrong; None where there is none."""
    return _WORKS.work(atlas)


def begin_tsne(atlas: Atlas) -> None:
    """Begin to compute t-SNE in the background."""
    _WORKS.begin(atlas, lambda: background.begin_shares(import_module(EMBEDDING).tsne_steps(atlas)))


def cancel_tsne(atlas: Atlas) -> None:
    """End it, unless another visitor wants it; or forget why it failed."""
    _WORKS.cancel(atlas)


def take_in_tsne(atlas: Atlas) -> None:
    """Let go of a computation that is over; the atlas knows its result."""
    work = tsne_work(atlas)
    if work is not None and work.result is not None:
        cancel_tsne(atlas)
