"""Training's address: which run is shown."""

from __future__ import annotations

from app.session.links import Readers, read_text

PARAMETERS: Readers = {"run": read_text}
