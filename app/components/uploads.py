"""Pictures that a visitor brings: taking them in, fitting them, and a table when there are several."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from app.components.prediction import percent
from cbam_core.data.fitting import Fit
from cbam_core.data.images import MAX_BYTES
from cbam_core.errors import CbamError
from cbam_core.explanation import Explanation
from cbam_core.render.overlay import raw_mask
from cbam_core.viewer.payload import png

ENDINGS = ["jpg", "jpeg", "png", "webp", "avif", "gif", "bmp", "tif", "tiff"]

MOST = 24
"""Pictures that are looked at together."""

FITS: dict[Fit, str] = {
    "crop": "Centre square",
    "square": "Chosen square",
    "pad": "Whole, with borders",
    "squash": "Whole, stretched",
}


@dataclass(frozen=True)
class Upload:
    """One uploaded file.

    Attributes:
        name: as the visitor's machine calls it; never trusted.
        digest: SHA-256 of the content.
        content: the file's bytes.
    """

    name: str
    digest: str
    content: bytes


class HasExplanation(Protocol):
    """What the table needs of a result."""

    @property
    def explanation(self) -> Explanation:
        """What the network did with the picture."""


def uploads() -> tuple[Upload, ...]:
    """Take files in; a file given twice counts once."""
    files = st.file_uploader(
        "Drop pictures here, choose them, or paste one",
        type=ENDINGS,
        accept_multiple_files=True,
        max_upload_size=MAX_BYTES // 2**20,
        key="files",
    )
    st.caption(
        "An uploaded picture stays in this server's memory for your visit only: it is written to no disk, shown to "
        "nobody else, and forgotten within minutes after you close the page."
    )
    chosen = {upload.digest: upload for upload in map(_upload, files[:MOST])}
    if len(files) > MOST:
        st.warning(f"{len(files)} pictures were given; the first {MOST} are shown.", icon=":material/info:")
    return tuple(chosen.values())


def choose_fit() -> Fit:
    """Let the visitor say how a picture comes to the network's square input."""
    fit = st.segmented_control(
        "Fit to the network's input",
        list(FITS),
        default="crop",
        required=True,
        format_func=FITS.__getitem__,
        key="fit",
    )
    return fit or "crop"


def square_key(upload: Upload) -> str:
    """Key of the widget in which the visitor frames a part of this picture."""
    return f"frame-{upload.digest[:24]}"


def overview(chosen: Sequence[Upload], shown: Mapping[str, HasExplanation], refused: Mapping[str, CbamError]) -> Upload:
    """A table of all pictures with their predictions and masks; return the one that the visitor opened."""
    rows = [_row(upload, shown, refused) for upload in chosen]
    masks = [name for name in dict.fromkeys(key for row in rows for key in row) if name.startswith("Mask ")]
    event = st.dataframe(
        rows,
        hide_index=True,
        row_height=48,
        placeholder="",
        column_config={
            "Input": st.column_config.ImageColumn(width=60),
            **{name: st.column_config.ImageColumn(name.removeprefix("Mask "), width=64) for name in masks},
        },
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0]}},
        key="overview",
    )
    picked = event["selection"]["rows"]
    return chosen[picked[0]] if picked and picked[0] < len(chosen) else chosen[0]


def say(error: CbamError, name: str) -> None:
    """Tell the visitor in one sentence what is wrong with their file."""
    logging.getLogger("cbam_lens").info("upload refused: %s", error.code)
    st.error(f"{_plain(name)}: {error}.", icon=":material/error:")


def _plain(name: str) -> str:
    """A file's name with nothing that Markdown would make something of."""
    return "".join(letter if letter.isalnum() or letter in " ._-" else "_" for letter in name)[:80]


def _upload(file: st.runtime.uploaded_file_manager.UploadedFile) -> Upload:
    content = file.getvalue()
    return Upload(file.name, hashlib.sha256(content).hexdigest(), content)


def _row(
    upload: Upload, shown: Mapping[str, HasExplanation], refused: Mapping[str, CbamError]
) -> dict[str, str | None]:
    if upload.digest in refused:
        return {
            "Input": None,
            "File": upload.name,
            "Prediction": str(refused[upload.digest]),
            "Probability": "",
        }
    explanation = shown[upload.digest].explanation
    return {
        "Input": _as_url(png(explanation.input_image)),
        "File": upload.name,
        "Prediction": explanation.predicted,
        "Probability": percent(float(explanation.probabilities.max())),
        **{
            f"Mask {block.name}": _as_url(png(raw_mask(block.spatial_mask)))
            for block in explanation.blocks
            if block.spatial_mask is not None
        },
    }


def _as_url(file: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(file).decode("ascii")
