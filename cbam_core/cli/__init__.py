"""How is it used without a browser? The command ``cbam``; each command imports what it needs when it runs.

The command line itself is in `cbam_core.cli.commands`. Importing it takes a moment, in which Ctrl+C has to end the
process as quietly as later; so nothing but this is imported before.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; see `cbam_core.cli.commands.main`.

    Args:
        arguments: words after ``cbam``; None for the arguments of the process.

    Returns:
        Exit status.
    """
    from cbam_core.cli import commands

    return commands.main(arguments)


def run() -> None:
    """Run the command line of the process, and exit with its status; Ctrl+C ends it without a traceback."""
    interrupt = signal.getsignal(signal.SIGINT)
    # An exception could be lost in a module that is half imported; and one that runs in the background hears nothing.
    if interrupt is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from cbam_core.cli import commands

    try:
        signal.signal(signal.SIGINT, interrupt or signal.SIG_DFL)
        commands.run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
