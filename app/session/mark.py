"""What distinguishes an address that the visitor went back or forth to from one that the page wrote."""

from __future__ import annotations

MARK = "gone"
"""Parameter that client.js adds to an address that the visitor goes back or forth to; another value each time."""
