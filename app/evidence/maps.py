"""Maps of other methods beside the last mask, over the same image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.session.words import Words
from app.widgets.figures import figure, figure_style, nothing, scale_bar, zoom_of
from app.widgets.image.shown import ShownImage
from cbam_core.network import Classifier
from cbam_core.render.colours import table
from cbam_core.render.overlay import cells_on_input, overlay

WORDS = Words({"mask": "Last spatial mask", "no_mask": "This network has no spatial mask."})


def maps_section(_classifier: Classifier, shown: ShownImage) -> Mapping[str, Any]:
    """Draw the maps of one image."""
    explanation = shown.result.explanation
    block = next((one for one in reversed(explanation.blocks) if one.spatial_mask is not None), None)
    head = WORDS["mask"]
    if block is None or block.spatial_mask is None or block.placement is None:
        drawn = nothing(head, WORDS["no_mask"])
    else:
        height, width = explanation.input_image.shape[:2]
        mask, cells = block.spatial_mask, cells_on_input(block.placement)
        picture = overlay(explanation.input_image, mask, cells, zoom=zoom_of((width, height)))
        bar = scale_bar(table("viridis"), ("0", "", "1"), (float(mask.min()), float(mask.max())))
        drawn = figure(head, picture, head, bar)
    st.html(f'{figure_style()}<div class="cbam-maps four">{drawn}</div>')
    return {}
