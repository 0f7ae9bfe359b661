"""From one atlas to another: what was chosen there and is something else here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.atlas.chosen_image import chosen_image, take_image
from app.atlas.map import forget_view
from app.atlas.slices import forget_line
from app.session.choices import Remembered

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

_LEFT: Remembered[tuple[str, str | None] | None] = Remembered("atlas-left", lambda: None)
"""Name of the atlas that was shown last, and of the image that was chosen in it."""


def leave(name: str, atlas: Atlas) -> None:
    """Note which atlas is shown, and which of its images is chosen.

    Args:
        name: of the atlas.
        atlas: the atlas.
    """
    image = chosen_image(atlas)
    _LEFT.set((name, None if image is None else atlas.ids[image]))


def move_to(name: str, atlas: Atlas) -> None:
    """Keep the chosen image where this atlas has it too; let go of a line and a view, which are of another map.

    Args:
        name: of the atlas that is shown now.
        atlas: the atlas.
    """
    left = _LEFT.get()
    if left is None or left[0] == name:
        return
    forget_line()
    forget_view()
    found = -1 if left[1] is None else int(atlas.find([left[1]])[0])
    take_image(found if found >= 0 else None)
