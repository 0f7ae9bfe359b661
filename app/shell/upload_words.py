"""What Streamlit says about files, in our words and the page's language; a question before a reload drops uploads.

Streamlit refuses files in the browser, of which no script hears, and it knows no language but English. So a script of
ours in the browser puts words in the place of its own, beside each refused file, on hover, and for screen readers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from app.session import own_networks
from app.session.choices import Choice
from app.session.words import Words, translated
from app.shell.lost_uploads import take_loss
from app.widgets import uploads
from app.widgets.component import component
from app.widgets.image.state import SOURCE
from app.widgets.network_file import ENDINGS
from cbam_core.results.gate_edits import LARGEST_FILE

WORDS = Words(
    {
        "choose": "Choose files",
        "drop": "Drop them here",
        "add": "Add files",
        "remove": "Remove {file}",
        "cancel": "Cancel the upload of {file}",
        "image_limits": "At most {most} MB each: JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF",
        "network_limits": "At most {most} MB: .safetensors, .pth, .pt, .ckpt, .bin, .tar, .th, .pkl",
        "not_image": "This is not an image that can be opened here: JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF.",
        "heic": "This is a HEIC photo, as iPhones take them, which cannot be opened here: save it as JPEG first.",
        "not_network": "This is not a network: its name must end in .safetensors, .pth, .pt, .ckpt, .bin, .tar, "
        ".th or .pkl.",
        "image": "By its name this is an image, which belongs on the page Inspect, under Upload. A network must be "
        "renamed to end in .safetensors or .pth.",
        "image_too_large": "This file has more than {most} MB; make it smaller.",
        "network_too_large": "This file has more than {most} MB; save only the weights, without the optimiser state.",
        "network_elsewhere": "This file is too large to be dropped among images: choose it under Own checkpoint, in "
        "the sidebar.",
        "edits_limits": "At most {most} MB: .json",
        "not_edits": "This is not a file of edits: its name must end in .json.",
        "edits_too_large": "This file has more than {most} MB, so it is not a file of edits.",
        "one": "Only one file can be chosen here.",
        "failed": "This file did not arrive. Remove it and choose it again.",
    }
)

_TOLD = Choice("upload-words")


def upload_words(page: str) -> None:
    """Say in the browser what Streamlit would say there; it also learns whether there are uploads to lose.

    Args:
        page: the page's folder.
    """
    words = {name: text.replace("{most}", str(_most_megabytes(name))) for name, text in translated(WORDS).items()}
    told = {**uploads.told_of_kept(), "source": SOURCE.get()}
    data = {"words": words, "images": uploads.ENDINGS, "networks": ENDINGS, **told}
    _component()(key=_TOLD.key, data=data, on_lost_change=lambda: take_loss(_TOLD.get({}).get("lost"), page))


def _most_megabytes(word: str) -> int:
    """The limit for one file that a word is about."""
    if word.startswith("edits"):
        return LARGEST_FILE // 2**20
    return own_networks.MOST_BYTES // 2**20 if word.startswith("network") else uploads.MOST_MEGABYTES


@cache
def _component() -> Any:
    return component("upload_words", "<span hidden></span>", package="app.shell")
