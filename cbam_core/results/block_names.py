"""Names of blocks: the path of one module, or those of two that make up one block between them."""

from __future__ import annotations

from collections.abc import Sequence

_AND = " + "


def joined(blocks: Sequence[str]) -> str:
    """Name the block that several modules make up, such as ``"ca1 + sa1"``."""
    return _AND.join(dict.fromkeys(blocks))


def modules_of(block: str) -> tuple[str, ...]:
    """Return the paths of the modules that make up a block, whichever call of it: ``"ca1 + sa1#2"`` has two."""
    return tuple(block.partition("#")[0].split(_AND))
