"""What distinguishes an address that the visitor went back or forth to from one that the page wrote."""

from __future__ import annotations

MARK = "gone"
"""Parameter that addresses.js adds to an address that the visitor goes back or forth to.

Its value is a number, another one each time, and the page that it is meant for: ``1796037780543~model``. The page
writes the number with its own address, from which addresses.js takes it out again.
"""
