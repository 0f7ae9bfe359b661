"""Workers of the suite are forks of one Python, and do without where there is none."""

import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.forked_workers import Forker, fork_workers, threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")

ROOT = Path(__file__).resolve().parents[1]

SERVING = """
import socket, sys
from tests.forked_workers import serve
with socket.socket(fileno=int(sys.argv[1])) as listening:
    serve(listening)
"""
"""A Python that has imported little, and forks."""

PROGRAM = """
import sys
print(sys.argv, 'tests.forked_workers' in sys.modules, hasattr(sys.modules['__main__'], 'serve'), input())
print('said aside', file=sys.stderr)
sys.exit(3)
"""


def run(forker):
    command = [*forker.worker, "-u", "-c", PROGRAM]
    done = subprocess.run(command, input="given\n", capture_output=True, text=True, timeout=100, check=False)
    assert done.stderr == "said aside\n"
    return done.stdout


def test_this_process_is_a_fork_if_it_is_one_of_several_workers():
    parent = Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
    assert (b"tests.forked_workers" in parent) == ("PYTEST_XDIST_WORKER" in os.environ)


def test_programs_run_in_forks_with_the_streams_of_those_who_ask():
    with closing(Forker([sys.executable, "-c", SERVING], ROOT)) as forker:
        assert [run(forker) for _ in range(2)] == ["['-c'] True False given\n"] * 2
    assert not forker.address.exists()


def test_where_nothing_forks_programs_run_in_a_python_of_their_own():
    with closing(Forker([sys.executable, "-c", "raise SystemExit"], ROOT)) as ended:
        assert run(ended) == "['-c'] False False given\n"
    assert run(ended) == "['-c'] False False given\n"


def test_workers_of_other_machines_are_left_alone():
    config = SimpleNamespace(option=SimpleNamespace(tx=["popen", "ssh=elsewhere"]))
    fork_workers(config)
    assert config.option.tx == ["popen", "ssh=elsewhere"]


def test_threads_that_a_fork_would_not_have_are_counted():
    before, over = threads(), threading.Event()
    waiting = threading.Thread(target=over.wait)
    waiting.start()
    assert threads() == before + 1
    over.set()
    waiting.join()
