"""What tests of evidence share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _on_one_thread(one_thread: None) -> None:
    """Each test of this folder computes on one thread."""
