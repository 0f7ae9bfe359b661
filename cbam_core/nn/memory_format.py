"""In which order do a batch's numbers lie in memory when a network gets it?

Channels last is faster on many machines. But code such as ``x.view(-1, 128 * 4 * 4)`` fails on maps in that order, and
its author, whose images come from a data loader, never sees it.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

ACCEPTING = frozenset({"torch", "torchvision", "timm", "cbam_core"})
"""Packages whose networks compute in either order."""


def memory_format(modules: Iterable[nn.Module]) -> torch.memory_format:
    """Return the order in which a network gets images: channels last if all of its code is known to accept it.

    Args:
        modules: all modules of the network.
    """
    packages = {kind.__module__.partition(".")[0] for kind in set(map(type, modules))}
    return torch.channels_last if packages <= ACCEPTING else torch.contiguous_format
