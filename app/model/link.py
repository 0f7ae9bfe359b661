"""Model's address: the network says all of it."""

from __future__ import annotations

from app.session.links import Readers

PARAMETERS: Readers = {}
