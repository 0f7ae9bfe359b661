"""The film of a training: the player of `cbam_core.viewer`, and the same scenes as a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import streamlit as st

from app.session.scheduling import in_slot
from app.session.words import Words
from cbam_core.render.film import FORMAT_WORDS
from cbam_core.viewer import Settings
from cbam_core.viewer.player import player_source, player_styles

WORDS = Words(
    {
        "download": "Download film",
        **FORMAT_WORDS,
        "about": "The chosen image in the player's colours and opacity. Masks are drawn as they are, on the fixed "
        "scale from 0 to 1, whatever the player shows them relative to.",
    }
)

# Room is kept while the browser fetches the player, so that what stands below does not jump.
_STYLE = ".film-host { min-height: 700px; }"
_GLUE = """
export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".film-host");
  const player = mountPlayer(root, data, (name, detail) => setStateValue(name, detail));
  return () => root.isConnected || player.destroy(); // it is also called for a call that a later one overtook
}
"""


@dataclass(frozen=True)
class Chosen:
    """What the visitor chose in the player.

    Attributes:
        image: index among the film's images.
        settings: of the viewer.
    """

    image: int
    settings: Settings


def film_player(data: dict[str, Any], *, key: str) -> Chosen:
    """Show the player, and return what the visitor chose in the browser.

    Args:
        data: as `cbam_core.viewer.player.lay_out_film` gives them.
        key: of the widget.
    """
    result = _component()(key=key, data=data, on_image_change=lambda: None, on_settings_change=lambda: None)
    image, chosen = result.get("image"), result.get("settings")
    settings = Settings(**data["viewer"]["settings"])
    # The browser can send anything.
    known = isinstance(image, int) and not isinstance(image, bool) and 0 <= image < len(data["pictures"])
    return Chosen(
        image if isinstance(image, int) and known else int(data["image"]),
        settings.changed_by(chosen) if isinstance(chosen, dict) else settings,
    )


def film_downloads(data: dict[str, Any], chosen: Chosen, make: Callable[[str], bytes], *, key: str) -> None:
    """Offer the chosen image's film as a file, made only when asked for.

    Args:
        data: what the player was given.
        chosen: in it.
        make: draws the film in a format.
        key: of the widgets.
    """
    settings = chosen.settings
    shown = (data["id"], chosen.image, settings.colours, settings.opacity, settings.smooth)
    digest = hashlib.sha256(repr(shown).encode()).hexdigest()[:12]
    stem = re.sub(r"[^\w-]+", "-", data["name"]).strip("-")[:60] or "training"
    with st.popover(WORDS["download"], icon=":material/download:"):
        for kind in FORMAT_WORDS:
            st.download_button(
                WORDS[kind],
                in_slot(partial(make, kind)),
                file_name=f"{stem}-training-{digest}.{kind}",
                on_click="ignore",
                type="tertiary",
                key=f"{key}-{kind}",
                width="stretch",
            )
        st.caption(WORDS["about"])


@cache
def _component() -> Any:
    return st.components.v2.component(
        "cbam_lens.film",
        html='<div class="film-host"></div>',
        css=player_styles() + _STYLE,
        js=player_source() + _GLUE,
    )
