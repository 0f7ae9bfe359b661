"""Files of an attribution: all numbers as arrays, a picture of the maps, and a description as JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from cbam_core.errors import CbamError
from cbam_core.files import full_disk, write_atomically
from cbam_core.render.attribution import maps_figure
from cbam_core.results.arrays import write_arrays
from cbam_core.results.attribution import Attribution

ARRAYS, PICTURE, DESCRIPTION = "attribution.npz", "attribution.png", "attribution.json"
"""Names of the files."""


def save_attribution(found: Attribution, folder: Path) -> dict[str, Path]:
    """Write the files of an attribution to a folder, each completely or not at all.

    Args:
        found: the attribution.
        folder: folder of the files; it is created if it is missing, and older files are replaced.

    Returns:
        Paths of the files by file name.

    Raises:
        CbamError: the folder cannot be written.
    """
    picture = io.BytesIO()
    Image.fromarray(maps_figure(found)).save(picture, "PNG")
    text = json.dumps(found.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        write_arrays(folder / ARRAYS, dict(arrays_of(found)))
        write_atomically(folder / PICTURE, lambda file: file.write(picture.getvalue()))
        write_atomically(folder / DESCRIPTION, lambda file: file.write(text.encode()))
    except OSError as error:
        raise full_disk(error, folder, CbamError, "attribution.unwritable") or CbamError(
            "attribution.unwritable",
            "cannot write {path}: {reason}; choose a folder that you may write to",
            path=str(folder),
            reason=error.strerror or type(error).__name__,
        ) from error
    return {name: folder / name for name in (ARRAYS, PICTURE, DESCRIPTION)}


def arrays_of(found: Attribution) -> Iterator[tuple[str, np.ndarray]]:
    """Yield all arrays of an attribution, with their names.

    Maps are ``map:METHOD``, with ``placement:METHOD`` (see `Placement.as_numbers`), controls ``control:NAME``; a gate
    has ``gate:NAME``, ``usual:NAME``, ``gradient:NAME``, and ``integrated:NAME`` and ``exact:NAME`` where there are.
    """
    for one in found.maps:
        yield f"map:{one.method}", one.values
        yield f"placement:{one.method}", np.array(one.placement.as_numbers())
    for name, values in found.controls.items():
        yield f"control:{name}", values
    for gate in found.gates:
        if gate.left_out is not None:
            continue
        yield f"gate:{gate.gate.name}", gate.gate.values
        if gate.gate.usual is not None:
            yield f"usual:{gate.gate.name}", gate.gate.usual.mean
        forms = {"gradient": gate.gradient, "integrated": gate.integrated, "exact": gate.exact}
        yield from ((f"{form}:{gate.gate.name}", values) for form, values in forms.items() if values is not None)
