"""What did the network do with this image? One forward, kept as plain numbers."""

from cbam_core.explanation.explaining import explain
from cbam_core.explanation.result import Block, Explanation

__all__ = ["Block", "Explanation", "explain"]
