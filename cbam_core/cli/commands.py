"""The command line ``cbam``: its commands, and what becomes of their errors."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer

from cbam_core.cli import (
    INTERRUPTED,
    atlas,
    attributing,
    audit,
    checkpoints,
    converting,
    dataset,
    evaluating,
    explaining,
    objects,
    scoring,
    serving,
    training,
    usual,
)
from cbam_core.cli.failures import (
    BROKEN_PIPE,
    USAGE,
    USER_ERROR,
    is_of_output,
    report_failure,
    report_unexpected,
    report_usage,
)
from cbam_core.cli.inputs import at_home, refuse_empty
from cbam_core.cli.output import cautious_streams, say
from cbam_core.errors import CbamError

EPILOG = """\b
Exit status:
  0    success
  1    some inputs failed, the others succeeded
  2    invalid command line
  3    something you can correct: no data, a refused checkpoint, a folder that
       cannot be written, a port in use, a package that is not installed
  70   a bug in this program; the message names a file with the details
  130  interrupted with Ctrl+C
  141  the program that read the output has ended

\b
Environment:
  CBAM_DATA_DIR        folder of CIFAR-10
  CBAM_CHECKPOINT_DIR  folder of trained networks, which are found there by name
  CBAM_RUNS_DIR        folder of the training runs that the app shows; by default
                       runs, beside the folder of trained networks, or for an
                       installed package in the current folder
  CBAM_ATLASES         folder in which atlases are built and found; by default
                       atlases, in the same place as runs
  CBAM_IMAGE_DIR       folder of images that the app shows to every visitor; with
                       a subfolder for each class, in the place of CIFAR-10
  CBAM_NETWORK         network of your own that the app shows first, as --model
  (more for the app:   docs/deployment.md)
"""


wants_debug: ContextVar[bool] = ContextVar("wants_debug", default=False)
"""Whether ``--debug`` was given: errors show their traceback."""

app = typer.Typer(
    name="cbam",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain text, for pipes and for brackets
    add_completion=False,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool | None) -> None:
    if asked:
        from cbam_core import __version__

        typer.echo(f"cbam-lens {__version__}")
        raise typer.Exit


@app.callback()
def before_any_command(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[  # noqa: ARG001 -- its callback acts
        bool | None,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = None,
) -> None:
    """See what a convolutional network's attention does.

    \b
    Examples:
      cbam app
      cbam explain photo.jpg --out results
      cbam info cbam_cnn_cifar10
      cbam data fetch
    """
    wants_debug.set(debug)


for name, command, short in (
    ("app", serving.serve_app, "Start the web app."),
    ("explain", explaining.explain_images, "Save the prediction and the gates for each image."),
    ("evaluate", evaluating.evaluate, "Measure a network's test accuracy."),
    ("usual", usual.find_usual, "Find what each gate of a network usually does."),
    ("score", scoring.score_gates, "Find which gates matter for the answers."),
    ("attribute", attributing.attribute_image, "Show what mattered for an answer, by several methods."),
    ("audit", audit.audit, "Say what the attention blocks are made of."),
    ("objects", objects.find_objects, "Test whether masks lie where the object is."),
    ("info", checkpoints.show_info, "Show a network's card, layers and costs."),
    ("export", checkpoints.export, "Write only the weights, for the course's own code."),
    ("convert", converting.convert, "Write CBAM weights in another layout."),
    ("train", training.train, "Train a network on CIFAR-10 or your own classes."),
):
    app.command(name, short_help=short)(command)
app.add_typer(atlas.commands, name="atlas")
app.add_typer(dataset.commands, name="data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: words after ``cbam``; None for the arguments of the process.

    Returns:
        Exit status, see `EPILOG`.
    """
    wants_debug.set(False)
    words = [at_home(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    try:
        refuse_empty(words)
        status = _command().main(words, prog_name="cbam", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        report_usage(error, words)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The program that read the output has ended (Typer then exits); Python would report an error on closing it.
        _write_nowhere()
        return BROKEN_PIPE
    except (CbamError, OSError) as error:
        if is_of_output(error):
            _write_nowhere()
        return report_failure(error, debug=wants_debug.get())
    except Exception as error:
        return report_unexpected(error, debug=wants_debug.get())
    return int(status or 0)


_command = cache(partial(typer.main.get_command, app))
"""The command line as the signatures of all commands make it: read once for many command lines."""


def _write_nowhere() -> None:
    """Discard the remaining standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> None:
    """Run the command line of the process, and exit with its status."""
    if sys.stdout is None:
        say("standard output is closed, but results are written there")
        sys.exit(USER_ERROR)
    try:
        Path.cwd()
    except FileNotFoundError:  # torch would end the process with other words
        say("the current folder was deleted; change to another one, and run the same command again")
        sys.exit(USER_ERROR)
    warnings.filterwarnings("ignore", module=r"PIL\.")  # errors of this package describe problems of images
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.jit\.")  # libraries use it, no user does
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where its cache folder cannot be written
    cautious_streams()
    sys.exit(main())
