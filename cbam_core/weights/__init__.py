"""What does a file of weights hold? Nothing in it is run, and nothing is allocated on its word alone."""

from cbam_core.weights.file import MAX_FILE_BYTES, WeightsFile, open_weights

__all__ = ["MAX_FILE_BYTES", "WeightsFile", "open_weights"]
