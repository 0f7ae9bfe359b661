"""Text files of a user's, in UTF-8: whatever cannot be read is refused with what to do, in no words of a codec."""

from __future__ import annotations

import codecs
from pathlib import Path

from cbam_core.errors import CbamError, Message, reason_of

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of workbooks and other archives."""


def read_text(path: Path, kind: type[CbamError], code: str) -> str:
    """Read a text file in UTF-8, with or without a mark of the byte order; ends of lines are as they are there.

    Args:
        path: path of the file.
        kind: kind of the error.
        code: code of the error.

    Raises:
        CbamError: the file is missing, cannot be read, or is not text in UTF-8; of the kind and code that are given.
    """
    try:
        said = _no_file(path) if path.exists() and not path.is_file() else None
        content = b"" if said else path.read_bytes()
        text = content.decode("utf-8-sig")
        if "\0" in text:
            said = _in_another_encoding(path, content, content.index(b"\0"))
    except UnicodeDecodeError as error:
        said = _in_another_encoding(path, content, error.start)
    except (OSError, ValueError) as error:
        said = _unreadable(path, error)
    if said is not None:
        raise kind(code, said.template, **said.values)
    return text


def _no_file(path: Path) -> Message:
    if path.is_dir():
        return Message("text.folder", "{path} is a folder; name a file in it", {"path": str(path)})
    return Message("text.pipe", "{path} is a device or a pipe; save it as a file first", {"path": str(path)})


def _unreadable(path: Path, error: OSError | ValueError) -> Message:
    if isinstance(error, FileNotFoundError):
        return Message("text.missing", "there is no file {path}; check its name and folder", {"path": str(path)})
    return Message(
        "text.unreadable",
        "{path} cannot be read ({reason}); check its name and permissions",
        {"path": str(path), "reason": reason_of(error)},
    )


def _in_another_encoding(path: Path, content: bytes, place: int) -> Message:
    """Say in what a file is that is not in UTF-8, as far as its first bytes tell.

    Args:
        path: path of the file.
        content: its bytes.
        place: index of the first byte that cannot be read.
    """
    if content.startswith(_PACKED):
        return Message(
            "text.workbook",
            "{path} is a workbook or an archive, and not text; export the table as CSV in UTF-8",
            {"path": str(path)},
        )
    if content.startswith(_UTF16) or 0 in content[:2]:
        return Message(
            "text.utf16",
            "{path} is in UTF-16; save it in UTF-8, which spreadsheets call CSV UTF-8",
            {"path": str(path)},
        )
    return Message(
        "text.encoding",
        "line {line} of {path} has a character that is not in UTF-8; save the file in UTF-8, which spreadsheets call "
        "CSV UTF-8",
        {"line": content.count(b"\n", 0, place) + 1, "path": str(path)},
    )
