"""Reporting errors of a command: one line on standard error, and an exit status."""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from cbam_core.cli.output import one_line, say
from cbam_core.errors import CbamError, Message, reason_of, text_of
from cbam_core.files import FULL, full_disk
from cbam_core.own_code import place_of_own_code

SOME_FAILED = 1
USAGE = 2
USER_ERROR = 3
BUG = 70
BROKEN_PIPE = 141

LONGEST = 300
"""Characters of an error's text that are shown."""

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)
"""Error numbers of a standard output that is full or closed."""

EXTRAS = {
    "streamlit": "app",
    "starlette": "app",
    "plotly": "app",
    "accelerate": "train",
    "captum": "evidence",
    "matplotlib": "figures",
    "pyarrow": "atlas",
    "ray": "cluster",
    "tensorboard": "train",
    "torchvision": "train",
}
"""Packages that only some commands need, and the extra of ``cbam-lens`` that installs each."""


def missing_extra(error: Exception) -> CbamError | None:
    """Make an error that says how to install a missing package; None for any other error."""
    module = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if module not in EXTRAS:
        return None
    return CbamError(
        "command.not-installed",
        "this command needs {module}, which is not installed; run: pip install 'cbam-lens[{extra}]'",
        module=module,
        extra=EXTRAS[module],
    )


WHOLE_EXPECTED = "a whole number is expected"
OF_PARSER = {
    "Value error, ": "",
    "Input should be a valid integer, unable to parse string as an integer": WHOLE_EXPECTED,
    "Input should be a valid number, unable to parse string as a number": "a number is expected",
    "Input should be": "it has to be",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "Got unexpected extra argument(s) (": "unexpected further arguments (",
    "Invalid value: ": "",
    " (Possible options: ": ". Did you mean ",
}
"""What the parser of command lines writes, and what is written instead."""


def report_usage(error: typer.TyperException, words: Sequence[str] = ()) -> None:
    """Report an error in the command line, and how to get help.

    Args:
        error: the error.
        words: words of the command line.
    """
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.message}\n")
        return
    said = one_line(error.format_message()).rstrip(".")
    for theirs, ours in OF_PARSER.items():
        said = said.replace(theirs, ours)
    said = re.sub(r"\.? Did you mean (?:one of:? )?(.+)[?)]$", r"; perhaps \1 is meant", said)
    if "'--images'" in said and WHOLE_EXPECTED in said:  # of other commands it is the set
        said += ", and --set names the images"
    path = context.command_path if context is not None else "cbam"
    files = (word for word in words if word.startswith("-") and os.path.exists(word))  # noqa: PTH110 - never raises
    if file := next(files, ""):
        said = f"{said}; a file whose name begins with a dash is named as ./{file}"
    say(f"{said[:1].lower()}{said[1:]}; see `{path} --help`")


def is_of_output(error: Exception) -> bool:
    """Check that an error comes from standard output; errors of files name their file."""
    return isinstance(error, OSError) and error.filename is None and error.errno in UNWRITABLE


def report_failure(error: CbamError | OSError, *, debug: bool) -> int:
    """Report an error that the user can correct; return the exit status."""
    if debug:
        sys.stderr.write("".join(traceback.format_exception(error)))
    elif is_of_output(error):
        full = isinstance(error, OSError) and error.errno in FULL
        advice = "; free some space, and run the same command again" if full else ""
        say(f"the results cannot be written: {reason_of(error)}{advice}")
    elif isinstance(error, OSError) and error.filename is None:
        return report_bug(error, debug=debug)
    elif isinstance(error, OSError):
        said = full_disk(error, str(error.filename), CbamError, "save.full")
        say(_of_path(error) if said is None else str(said))
    else:
        say(of_commands(error))
    return USER_ERROR


def _of_path(error: OSError) -> str:
    """Say what is wrong with a path, and what to do where the system's word alone does not say it."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{error.filename} is a file or lies in one, and a folder is needed there; choose another name"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"{error.filename}: {reason_of(error)}; change its permissions, or choose another folder"
    return f"{error.filename}: {reason_of(error)}"


IN_OPTIONS = {
    "checkpoint.unknown-network": "the file's tensors ({given}) do not match any network that this program knows "
    "({known}); weights of another network need the code that builds it: name the function that returns it, and this "
    "file as its weights, --model package.module:factory --weights FILE"
}
"""What a command says instead of a message that also names the ways of Python, by its code."""


def of_commands(error: CbamError) -> str:
    """Return what an error says, in the words of the command line, and what was noted on it."""
    said = IN_OPTIONS.get(error.code)
    text = as_options(str(error)) if said is None else said.format(**error.message.values)
    return "; ".join([text, *getattr(error, "__notes__", ())])


def as_options(text: str) -> str:
    """Name options of the command line where a message of the library names keyword arguments alone."""
    if "--" in text:
        return text
    text = text.replace(", or a tensor that is prepared", "")
    return re.sub(rf"\b({'|'.join(KEYWORDS)})=(?:\[\.\.\.\]|'(\w+)')?", _option, text)


def remark_said(remark: Message) -> str:
    """Return a remark about a file with the option that it asks for."""
    text = as_options(str(remark))
    return f"{text}: --weights NAME" if remark.code == "checkpoint.other-weights" and "chosen" in text else text


def _option(found: re.Match[str]) -> str:
    return f"--{found[1]} {found[2]}" if found[2] else f"--{found[1]}"


KEYWORDS = ("size", "mean", "std", "normalisation", "classes", "weights")
"""Keyword arguments that are options of every command that takes a network."""


def report_unexpected(error: Exception, *, debug: bool) -> int:
    """Report what no command expects: a package that is missing, code of the user's, or a bug; return the status."""
    if (missing := missing_extra(error)) is not None:
        return report_failure(missing, debug=debug)
    place = place_of_own_code(error)
    return report_bug(error, debug=debug) if place is None else report_own_code(error, place, debug=debug)


def report_own_code(error: Exception, place: traceback.FrameSummary, *, debug: bool) -> int:
    """Report an error that the user's own code raised, and write the traceback to a log file; return the exit status.

    Args:
        error: the error.
        place: where that code is.
        debug: show the traceback instead.
    """
    text = one_line(text_of(error).strip().partition("\n")[0][:LONGEST])
    said = f"the code of your network raised {type(error).__name__}" + (f" ({text})" if text else "")
    _report_details(error, f"{said} in {place.filename}, line {place.lineno}; correct it there", debug=debug)
    return USER_ERROR


def report_bug(error: Exception, *, debug: bool) -> int:
    """Report a bug in this program, and write the traceback to a log file; return the exit status."""
    _report_details(error, f"there is a bug in the program ({type(error).__name__})", debug=debug)
    return BUG


def _report_details(error: Exception, said: str, *, debug: bool) -> None:
    """Write the traceback of an error to a log file, and say where it is."""
    details = "".join(traceback.format_exception(error))
    if debug:
        sys.stderr.write(details)
        return
    try:
        moment = datetime.now(UTC)
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"cbam-{moment:%Y%m%d-%H%M%S}-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.write(f"{moment.isoformat(timespec='seconds')}\n{sys.argv!r}\n\n{details}")
    except OSError:
        say(f"{said}; run it again as `cbam --debug ...` to see the details")
    else:
        say(f"{said}; the details are in {log.name}")
