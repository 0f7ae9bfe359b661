"""What does a file of weights hold? No code in it is run, and its claims are checked before memory is allocated."""

from cbam_core.weights.file import MAX_FILE_BYTES, WeightsFile, open_weights

__all__ = ["MAX_FILE_BYTES", "WeightsFile", "open_weights"]
