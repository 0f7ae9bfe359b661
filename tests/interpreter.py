"""A Python that has imported torch and nothing of ours, and runs programs, each in a process forked from it.

A program finds what it would find in a fresh interpreter, but torch is there at once instead of after 1.5 seconds of
computing. Run as a script, this file is that Python.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

STREAMS = ("stdout", "stderr")


class Interpreter:
    """The Python that forks. It ends when its standard input does.

    Args:
        python: another Python than that of the tests.
    """

    def __init__(self, python: str | Path = sys.executable) -> None:
        self._process = subprocess.Popen(
            [str(python), __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, program: str, *words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a program with these words behind its name, and wait until it ends."""
        return self.start(program, *words, cwd=cwd).wait()

    def succeeds(self, program: str, *words: object, cwd: Path | None = None) -> str:
        """Run a program that must not fail, and return what it printed."""
        done = self.run(program, *words, cwd=cwd)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def start(self, program: str, *words: object, cwd: Path | None = None) -> Running:
        """Start a program, which then runs beside the test."""
        folder = tempfile.TemporaryDirectory(prefix="cbam-program-")
        wish = {
            "program": program,
            "words": [str(word) for word in words],
            "cwd": str(cwd or Path.cwd()),
            "environment": dict(os.environ),
            "files": [str(Path(folder.name) / name) for name in STREAMS],
        }
        return Running(self, self.ask(wish), folder)

    def ask(self, wish: dict[str, Any]) -> int:
        """Send a wish, and return the number that answers it."""
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


@dataclass(frozen=True)
class Running:
    """A program that was started, and its process."""

    interpreter: Interpreter
    pid: int
    folder: tempfile.TemporaryDirectory[str]

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; the process keeps its number until it was waited for."""
        os.kill(self.pid, number)

    def says(self, pattern: str, seconds: float = 200.0) -> re.Match[str]:
        """Wait until its standard output has what is looked for; fail if it ends without."""
        limit = time.monotonic() + seconds
        while True:
            ended = self.interpreter.ask({"ended": self.pid})
            said = self._read("stdout").decode()
            if found := re.search(pattern, said, re.MULTILINE):
                return found
            in_vain = ended or time.monotonic() > limit
            assert not in_vain, f"it said {said!r} and {self._read('stderr')!r}"
            time.sleep(0.02)

    def wait(self) -> subprocess.CompletedProcess[bytes]:
        """Wait until the program ends, once."""
        status = self.interpreter.ask({"wait": self.pid})
        said, complained = map(self._read, STREAMS)
        self.folder.cleanup()
        return subprocess.CompletedProcess([], status, said, complained)

    def _read(self, stream: str) -> bytes:
        file = Path(self.folder.name) / stream
        return file.read_bytes() if file.exists() else b""


def next_program() -> dict[str, Any]:
    """Answer wishes, and return in each process that is to run a program."""
    for line in sys.stdin:
        wish = json.loads(line)
        if "wait" in wish:
            answer = os.waitstatus_to_exitcode(os.waitpid(wish["wait"], 0)[1])
        elif "ended" in wish:
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT  # who waits for it later still gets its status
            answer = int(os.waitid(os.P_PID, wish["ended"], look) is not None)
        else:
            answer = os.fork()
            if answer == 0:
                return wish
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    sys.exit()


def become(wish: dict[str, Any]) -> str:
    """Take over the surroundings of a program, and return its text."""
    for stream, file in zip((1, 2), wish["files"], strict=True):
        with open(file, "wb") as opened:  # noqa: PTH123 - nothing is imported that a program might not
            os.dup2(opened.fileno(), stream)
    with open(os.devnull) as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.chdir(wish["cwd"])
    os.environ.clear()
    os.environ.update(wish["environment"])
    sys.argv = ["-c", *wish["words"]]
    sys.path[0] = ""
    return wish["program"]


def status_of(program: str) -> int:
    """Run a program, and return the status that Python would end with."""
    try:
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        if not isinstance(end.code, str):
            return int(end.code or 0)
        print(end.code, file=sys.stderr)  # noqa: T201
        return 1
    except Exception:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def leave(status: int) -> NoReturn:
    """End as Python does, but without taking torch apart, which would take it a third as long as the import."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    import torch  # noqa: F401

    gc.freeze()  # a collection in a program would copy the pages of all there is
    leave(status_of(become(next_program())))
