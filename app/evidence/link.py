"""The address of Evidence: the image, and the section that is open."""

from __future__ import annotations

from app.session.links import Readers, one_of, read_name, read_text
from app.widgets.image import address as image

PARAMETERS: Readers = {
    **image.PARAMETERS,
    "section": read_name,
    "target": read_text,
    "measure": one_of("spearman", "overlap"),
}
