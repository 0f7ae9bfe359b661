"""Numbers and photos of a payload as text: exact, or smaller for files that hold many images."""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

STEPS = 65535
"""Steps of packed values, from the lowest to the highest."""


def as_base64(values: Float32[np.ndarray, "*shape"]) -> str:
    """Encode values for the browser, as little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def as_packed(values: Float32[np.ndarray, "*shape"]) -> str | dict[str, Any]:
    """Encode values as little-endian 16-bit steps of their range; float32 as in `as_base64` if some are not finite.

    The error is at most half a step: 1/131,070 of the range.
    """
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        return as_base64(values)
    step = (high - low) / STEPS
    steps = np.rint((values.astype(np.float64) - low) / (step or 1.0)).astype("<u2")
    return {"low": low, "step": step, "steps": base64.b64encode(steps.tobytes()).decode("ascii")}


def jpeg(image: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """Encode a photo as JPEG of high quality, with all of its colours' resolution."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(
        file, "JPEG", quality=88, subsampling=0
    )  # optimize fails on noise
    return file.getvalue()
