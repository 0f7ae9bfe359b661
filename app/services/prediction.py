"""A prediction as plain values for the browser: the image, its class probabilities, the truth, and remarks."""

from __future__ import annotations

import base64
import hashlib
import io
from typing import Any

import numpy as np
from PIL import Image

from app.session.words import Words, class_name, sentence
from cbam_core.results.explanation import Explanation

PREVIEW = 352
"""Longest side of the preview of a photo, in pixels: twice the side on the page, for dense screens."""

TOP, TOP_OF_BRIEF = 5, 3
"""Classes that are listed."""

WORDS = Words(
    {
        "percent": "{share} %",
        "table": "Most probable classes; percentages are rounded to one decimal",
        "right": "Truth: {truth}. The network is right.",
        "wrong": "Truth: {truth}. The network is wrong.",
        "unknown": "Truth: {truth}. The network does not know this class.",
        "frame": "The part of the image that the network sees. Arrow keys move it, plus and minus resize it.",
        "none": "No prediction",
        "closed": "The network knows only {count} classes: every image is assigned one of them, whatever it shows.",
    }
)


def percent(share: float, digits: int = 1) -> str:
    """A share of 1 as the page writes it: a percentage, rounded."""
    return WORDS["percent"].format(share=f"{100 * share:.{digits}f}")


def prediction_data(
    explanation: Explanation,
    *,
    caption: str,
    truth: str | None = None,
    preview: bytes | None = None,
    movable: bool = False,
    brief: bool = False,
) -> dict[str, Any]:
    """What the browser is given, JSON-ready; arguments as of `app.widgets.prediction.prediction`."""
    top = TOP_OF_BRIEF if brief else TOP
    data = {
        "picture": _picture(explanation, preview, movable),
        "rows": [
            {
                "name": class_name(explanation.classes[i]),
                "probability": float(explanation.probabilities[i]),
                "percent": percent(float(explanation.probabilities[i])),
            }
            for i in np.argsort(-explanation.probabilities, kind="stable")[:top]
        ],
        "notes": [sentence(note) for note in explanation.notes],
        "words": {**_words(explanation, caption, truth), "closed": "" if brief else closed_world(explanation)},
    }
    data["id"] = hashlib.sha256(repr(data).encode()).hexdigest()[:16]
    return data


def closed_world(explanation: Explanation) -> str:
    """Say that every image is assigned one of the classes that the network knows; "" where it is not."""
    if not explanation.classes or any(note.code == "network.sigmoids" for note in explanation.notes):
        return ""
    return WORDS["closed"].format(count=len(explanation.classes))


def preview_of(pixels: np.ndarray) -> bytes:
    """A JPEG of an RGB image, small enough to send with a page; only ever looked at, never computed with."""
    image = Image.fromarray(pixels)
    image.thumbnail((PREVIEW, PREVIEW), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return file.getvalue()


def _picture(explanation: Explanation, preview: bytes | None, movable: bool) -> dict[str, Any]:
    if preview is None:
        height, width = explanation.input_image.shape[:2]
        rgb = base64.b64encode(explanation.input_image.tobytes()).decode("ascii")
        return {"pixelated": True, "width": width, "height": height, "rgb": rgb}
    width, height = explanation.frame.original_size
    return {
        "pixelated": False,
        "width": width,
        "height": height,
        "src": "data:image/jpeg;base64," + base64.b64encode(preview).decode("ascii"),
        "box": list(explanation.frame.box),
        "movable": movable,
    }


def _words(explanation: Explanation, caption: str, truth: str | None) -> dict[str, str]:
    predicted = explanation.predicted
    verdict = ""
    if truth is not None and explanation.classes:
        known = truth in explanation.classes
        judged = "unknown" if not known else "right" if truth == predicted else "wrong"
        verdict = WORDS[judged].format(truth=class_name(truth))
    return {
        "alt": caption,
        "caption": caption,
        "predicted": WORDS["none"] if predicted is None else class_name(predicted),
        "sure": "" if predicted is None else percent(explanation.probability),
        "table": WORDS["table"],
        "verdict": verdict,
        "frame": WORDS["frame"],
    }
