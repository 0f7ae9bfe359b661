"""Images that a command line names: files, and folders that are searched for image files."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cbam_core.cli.output import say
from cbam_core.errors import ImageError, reason_of

if TYPE_CHECKING:
    from cbam_core.data.folder import Unlisted


@dataclass(frozen=True)
class NamedImage:
    """One image of a command line.

    Attributes:
        path: path of its file; that of a folder where no image was found in it.
        folder: folder of its results, relative to that of all results; no two images have the same.
        label: name of the folder in which the image was found; "" for a file that was named itself.
        given: word of the command line, if the image was named itself.
    """

    path: Path
    folder: Path
    label: str = ""
    given: str = ""


def at_home(word: str) -> str:
    """Replace the ``~`` of a path, also of ``--option=~/path``, which shells leave as it is; a file named so stays."""
    option, equals, path = word.partition("=") if word.startswith("--") else ("", "", word)
    if not path.startswith("~") or Path(path).exists():
        return word
    return f"{option}{equals}{os.path.expanduser(path)}"  # noqa: PTH111 - leaves an unknown user's path as it is


def refuse_empty(words: Sequence[str]) -> None:
    """Refuse words without characters, which would name the current folder.

    Args:
        words: words of the command line.

    Raises:
        typer.BadParameter: one is empty, or is an option whose value is.
    """
    for before, word in pairwise(["", *words]):
        if word.startswith("--") and word.find("=") == len(word) - 1:
            named = word[:-1]
        elif word:
            continue
        else:
            named = before if before.startswith("-") and "=" not in before else ""
        what = f"the value of {named}" if named else "an argument"
        raise typer.BadParameter(f"{what} is empty, as that of a variable that is not set; give one, or leave it out")


def _matches(given: str | Path) -> list[Path]:
    """Return the files that a pattern names, by name; the path itself where it is there, or nothing matches."""
    path = Path(given)
    if os.path.lexists(path) or not glob.has_magic(str(given)):
        return [path]
    return [Path(name) for name in sorted(glob.glob(str(given), recursive=True))] or [path]  # noqa: PTH207


def find_images(
    given: Iterable[str | Path],
    *,
    leave_out: Path | None = None,
    report: Callable[[Unlisted, str], object] = lambda *_: None,
) -> list[NamedImage]:
    """List the images of a command line, each once, those of a folder by name.

    A file's results are named after it, without its ending; those of a file in a folder keep its subfolders. Hidden
    files are left out.

    Args:
        given: paths of files and folders, and patterns such as ``"photos/*.jpg"``; files that do not exist are listed
            too.
        leave_out: folder that is not searched, such as that of the results.
        report: called for each folder with the files in it that are left out, and its name.
    """
    from cbam_core.data.folder import Unlisted

    found: dict[Path, Path] = {}
    words = {path: str(word) for word in given for path in _matches(word)}
    for path in words:
        unlisted = Unlisted()
        files = list(_files(path, leave_out, unlisted)) if path.is_dir() else []
        report(unlisted, str(path))
        for file in files or [path]:
            found.setdefault(file, file.relative_to(path) if files else Path(path.name))
    folders = _unique([_without_ending(relative) for relative in found.values()])
    return [
        NamedImage(path, folder, "" if path in words else path.parent.name, words.get(path, ""))
        for path, folder in zip(found, folders, strict=True)
    ]


def check_readable(folder: Path) -> None:
    """Check that a folder can be listed.

    Raises:
        ImageError: it cannot.
    """
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise ImageError(
            "image.unreadable-folder",
            "the folder {path} cannot be read ({reason}); check its permissions",
            path=str(folder),
            reason=reason_of(error),
        ) from error


def _files(folder: Path, leave_out: Path | None, unlisted: Unlisted) -> Iterator[Path]:
    """Yield the image files of a folder and its subfolders by name, and count the others; skip hidden folders."""
    from cbam_core.data.folder import ENDINGS, HEIC_ENDINGS

    endings = (*ENDINGS, *HEIC_ENDINGS)  # a photo that cannot be decoded is named
    skipped = None if leave_out is None else leave_out.resolve()

    def skipped_folder(error: OSError) -> None:
        if Path(error.filename) != folder:  # which itself is refused as an image
            say(f"the folder {error.filename} cannot be read ({reason_of(error)}); it is left out")

    for place, below, names in os.walk(folder, onerror=skipped_folder):
        below[:] = sorted(name for name in below if name[0] != "." and (Path(place) / name).resolve() != skipped)
        if Path(place).resolve() != skipped:
            for file in (Path(place) / name for name in sorted(names)):
                if file.name.startswith(".") or not file.name.lower().endswith(endings):
                    unlisted.leave_out("hidden" if file.name.startswith(".") else "ending", file.relative_to(folder))
                else:
                    yield file


def _without_ending(path: Path) -> Path:
    from cbam_core.data.folder import ENDINGS, HEIC_ENDINGS

    return path.with_suffix("") if path.suffix.lower() in (*ENDINGS, *HEIC_ENDINGS) else path


def _unique(names: Sequence[Path]) -> list[Path]:
    """Make a folder name for each path that every system can have; equal ones get numbers, in order."""
    from cbam_core.explanation.saving import folder_names

    parents = [Path(*(folder_names([part])[part] for part in name.parent.parts)) for name in names]
    together: dict[str, list[int]] = {}
    for number, parent in enumerate(parents):
        together.setdefault(str(parent).casefold(), []).append(number)
    chosen = {}
    for numbers in together.values():
        keys = {number: f"{number}/{names[number].name}" for number in numbers}
        unique = folder_names(keys.values())
        chosen.update({number: parents[number] / unique[key] for number, key in keys.items()})
    return [chosen[number] for number in range(len(names))]
