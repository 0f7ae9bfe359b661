"""What a visitor can take along: the figure, the raw values, or everything as a ZIP. Made only when asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from cbam_core.explanation import Explanation
from cbam_core.explanation.saving import as_npz, as_png, as_zip
from cbam_core.viewer import Settings


def downloads(
    explanations: Mapping[str, Explanation], settings: Settings, *, opened: str | None = None, key: str
) -> None:
    """Offer files of what is on the page.

    Args:
        explanations: by the names of their pictures; the ZIP holds all of them.
        settings: of the viewer; figures are drawn with them.
        opened: name of the picture that is open; None where there is one only.
        key: of the widgets.
    """
    name = opened if opened is not None else next(iter(explanations))
    explanation = explanations[name]
    drawn: dict[str, Any] = {
        "colours": settings.colours,
        "scale": settings.scale,
        "opacity": settings.opacity,
        "smooth": settings.smooth,
    }
    several = len(explanations) > 1
    with st.popover("Download", icon=":material/download:", width="stretch"):
        _button("Figure", "png", key, name, explanations, drawn, lambda: as_png(explanation, **drawn))
        _button("Raw values", "npz", key, name, explanations, drawn, lambda: as_npz(explanation))
        label = f"Everything, {len(explanations)} pictures" if several else "Everything"
        _button(
            label, "zip", key, "cbam-lens" if several else name, explanations, drawn,
            lambda: as_zip(dict(explanations) if several else explanation, **drawn),
        )  # fmt: skip
        st.caption("Figures are drawn with the viewer's settings; values are never rounded.")


def _button(
    label: str,
    ending: str,
    key: str,
    name: str,
    explanations: Mapping[str, Explanation],
    drawn: Mapping[str, Any],
    make: Callable[[], bytes],
) -> None:
    # Streamlit tells large downloads apart by a part of their content; the digest in the name makes that safe.
    parts = [(e.image_digest, e.checkpoint_digest, e.fit, e.frame.box) for e in explanations.values()]
    digest = hashlib.sha256(repr((name, parts, sorted(drawn.items()))).encode()).hexdigest()[:12]
    stem = re.sub(r"[^\w-]+", "-", name.rsplit(".", 1)[0]).strip("-")[:60] or "picture"
    st.download_button(
        f"{label} (.{ending})",
        make,
        file_name=f"{stem}-{digest}.{ending}",
        on_click="ignore",
        type="tertiary",
        key=f"{key}-{ending}",
        width="stretch",
    )
