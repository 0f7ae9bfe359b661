"""The address of Evidence: the image, the section that is open, and whether its test is over the image."""

from __future__ import annotations

from app.session.links import Readers, one_of, read_name, read_text
from app.widgets.image import address as image

PARAMETERS: Readers = {
    **image.PARAMETERS,
    "section": read_name,
    "over": one_of("set"),
    "target": read_text,
    "measure": one_of("spearman", "overlap"),
}
