"""Where in the user's own code, such as a network's, did an error come from?"""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path

from cbam_core.errors import ModelError, text_of

OURS = Path(__file__).parent
"""Folder of this package."""

LIBRARIES = tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
"""Folders of Python's own modules and of installed packages."""

LONGEST = 200
"""Characters of an error's text that are shown."""

_QUOTED = re.compile(r"""(?<=['"])(?:[A-Za-z]:)?[/\\][^'"\n]*[/\\]([^'"/\\\n]+)(?=['"])""")
_PATH = re.compile(
    r"""(?<![\w.:/\\])(?:file:/?(?=/)|[A-Za-z]:|\\(?=\\)|\.\.?(?=[/\\]))?(?:[/\\]+[^/\\\s'":]+)+[/\\]([^/\\\s'":]+)"""
)
"""Paths: with spaces between quotes; and others, also as links to files, on a server, or from the folder on."""


def place_of_own_code(error: BaseException) -> traceback.FrameSummary | None:
    """Find the line of the user's own code that an error came from; None where it is of others.

    Libraries that this line called are passed over, and so are the modules of this program that networks are made of,
    and what sees the operations of a forward.
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if any(file.is_relative_to(folder) for folder in (OURS, OURS.with_name("app"))):
            if not (file.is_relative_to(OURS / "nn") or _runs_an_operation(frame)):
                return None
        elif file.is_file() and not any(file.is_relative_to(folder) for folder in LIBRARIES):
            return frame
    return None


def _runs_an_operation(frame: traceback.FrameSummary) -> bool:
    """Check for a mode of this program that runs an operation of a network as the network asked for it."""
    return frame.name in ("__torch_function__", "_act") and bool(re.search(r"\bfunc\b", frame.line or ""))


def failed_forward(name: str, shape: str, dtype: object, error: Exception) -> ModelError:
    """Make the error for a forward that failed; it names the file and line of the user's own code, but no folder.

    Args:
        name: name of the network.
        shape: shape of its input, in words.
        dtype: number type of its input.
        error: what the forward raised.
    """
    values = {
        "name": name,
        "shape": shape,
        "kind": str(dtype).removeprefix("torch."),
        "reason": reason_without_folders(error),
    }
    place = place_of_own_code(error)
    if place is None:
        return ModelError(
            "model.forward", "{name} cannot compute with an input of {shape} ({kind}): {reason}", **values
        )
    values |= {"error": type(error).__name__, "file": Path(place.filename).name, "line": str(place.lineno)}
    if not text_of(error).strip():
        return ModelError(
            "model.forward",
            "{name} cannot compute with an input of {shape} ({kind}): {error} in {file}, line {line}",
            **values,
        )
    return ModelError(
        "model.forward",
        "{name} cannot compute with an input of {shape} ({kind}): {error} in {file}, line {line}: {reason}",
        **values,
    )


def reason_without_folders(error: BaseException) -> str:
    """Return the first line of an error's text, with the names of files but not of their folders; else its class."""
    text = text_of(error).strip().partition("\n")[0]
    return _PATH.sub(r"\1", _QUOTED.sub(r"\1", text))[:LONGEST] or type(error).__name__
