"""Workers of the suite, forked from one Python that has imported the test modules and all that they need.

Importing takes ten seconds of a processor, which each worker would need for itself. Run as a script, this file is that
Python: the worker that pytest-xdist starts is `tests/worker.py`, which asks for a fork and lends it its streams.
"""

from __future__ import annotations

import gc
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from tests.interpreter import leave, status_of
from tests.sharing import files_of, import_modules

WORKER = Path(__file__).with_name("worker.py")
STREAMS = 3
BEGUN = b"1"
"""What a fork says before it runs a program."""
PLUGINS_OF_WORKERS = ("xdist", "logging", "faulthandler", "threadexception", "unraisableexception")
"""What each worker sets up for itself, and would not expect to find."""

LAST_SECONDS = 20
"""How long workers may take to end when no more are wanted."""


class Forker:
    """The Python that forks, and where it is asked.

    Args:
        command: what starts it; the number of a listening socket is put behind it.
        folder: where it runs.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="cbam-workers-")
        self.address = Path(self._place.name) / "ask"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(self.address))
            listening.listen()
            number = listening.fileno()
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
            self._process = subprocess.Popen([*command, str(number)], cwd=folder, pass_fds=[number], **pipes)

    @property
    def worker(self) -> list[str]:
        """What to start instead of Python, with the same options, for a fork that runs the same program."""
        return [sys.executable, "-I", "-S", str(WORKER), str(self.address)]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._place.cleanup()


def fork_workers(config: pytest.Config) -> None:
    """Have pytest-xdist's local workers forked, where processes can be: elsewhere libraries do not survive it."""
    local = [place for place in config.option.tx if place == "popen"]
    if sys.platform != "linux" or local != config.option.tx:
        return
    script = [sys.executable, "-m", "tests.forked_workers", *config.args]
    forker = Forker(script, config.invocation_params.dir)
    config.option.tx = [f"popen//python={shlex.join(forker.worker)}"] * len(local)
    config.add_cleanup(forker.close)


def serve(listening: socket.socket) -> NoReturn:
    """Fork whenever a worker asks, until standard input ends."""
    gc.freeze()  # a collection in a worker would copy the pages of all there is
    while sys.stdin not in (ready := select.select([listening, sys.stdin], [], [])[0]):
        assert ready
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            become_worker(connection)
        connection.close()
    signal.alarm(LAST_SECONDS)
    while any_child_ends():
        pass
    leave(0)


def any_child_ends() -> bool:
    """Wait until a child ends; tell whether there was one."""
    try:
        os.wait()
    except ChildProcessError:
        return False
    return True


def become_worker(connection: socket.socket) -> NoReturn:
    """Take over the streams of the worker that asks, run its program, and end; it ends when the connection does."""
    try:
        program, streams, _, _ = socket.recv_fds(connection, 2**16, STREAMS)
        connection.send(BEGUN)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        sys.argv = ["-c"]
        sys.modules["__main__"] = ModuleType("__main__")
        leave(status_of(program.decode()))
    finally:
        os._exit(1)


def threads() -> int:
    """Count threads that a fork would wait for in vain: those of a library that have a name see to themselves."""
    own = Path("/proc/self/comm").read_text()
    return sum(task.read_text() == own for task in Path("/proc/self/task").glob("*/comm"))


class Serving:
    """A plugin of pytest that imports test modules where others collect tests, and serves where others run them.

    Args:
        listening: where workers ask.
    """

    def __init__(self, listening: socket.socket) -> None:
        self.listening = listening
        self.filters = list(warnings.filters)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # a fork would wait forever for others that had computed something
        import_modules(files_of(session.config.args, session.config.rootpath))
        torch.set_num_threads(threads)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        from jaxtyping import _pytest_plugin

        del _pytest_plugin.pytest_load_initial_conftests  # it has done its work: it would refuse what is imported
        warnings.resetwarnings()
        warnings.filters.extend(self.filters)
        if os.fork() == 0:  # libraries that are ready for it end their threads
            os._exit(0)
        os.wait()
        if threads() == 1:
            serve(self.listening)


if __name__ == "__main__":
    *places, number = sys.argv[1:]
    without = [f"-pno:{plugin}" for plugin in PLUGINS_OF_WORKERS]
    with socket.socket(fileno=int(number)) as asked:
        pytest.main(["--quiet", "--capture=no", *without, *places], [Serving(asked)])
