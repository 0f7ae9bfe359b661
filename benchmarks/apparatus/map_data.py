"""What the component of an atlas's map is given for made-up images; tests in a browser use it too."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.atlas.map_data import COLUMNS, as_steps, as_text, places_of, sheets_of
from app.atlas.map_words import words_of_map


@dataclass(frozen=True)
class MadeUp:
    """N made-up images.

    Attributes:
        points: their places in a plane, (N, 2).
        labels: numbers of their classes; -1 for none.
        answers: numbers of the classes that were answered.
        confidence: of the answers, 0 to 255.
        classes: names of the classes.
        thumbnails: gives small pictures of some of them, (n, 32, 32, 3) uint8.
    """

    points: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray
    classes: Sequence[str]
    thumbnails: Callable[[Sequence[int]], np.ndarray]

    def data(self, **changed: Any) -> dict[str, Any]:
        """What the component is given: nothing is chosen, selected or drawn.

        Args:
            **changed: what is different, by the names of the component.
        """
        found = places_of(self.points)
        drawn = found.drawn
        sheets = [base64.b64encode(one).decode() for one in sheets_of(drawn.tolist(), self.thumbnails)]
        return {
            "id": "made up",
            "points": as_steps(found.places[drawn]),
            "numbers": as_text(drawn.astype("<u4")),
            "labels": as_text(self.labels[drawn].astype("<i2")),
            "answers": as_text(self.answers[drawn].astype("<i2")),
            "confidence": as_text(self.confidence[drawn].astype(np.uint8)),
            "sheets": [f"data:image/jpeg;base64,{sheet}" for sheet in sheets],
            "side": 32,
            "columns": COLUMNS,
            "each": COLUMNS * COLUMNS,
            "classes": list(self.classes),
            "mask": None,
            "line": None,
            "selected": None,
            "near": [],
            "view": None,
            "generation": 0,
            "layouts": {"pca": "PCA"},
            "layout": "pca",
            "colours": "class",
            "draw": "auto",
            **words_of_map(),
            **changed,
        }
