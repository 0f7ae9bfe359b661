"""Programs that run as in a fresh Python, which has torch already."""

import json
import pickle
import signal

import pytest


def test_a_program_finds_torch_and_nothing_of_ours(interpreter):
    program = "import sys; print('torch' in sys.modules, any(name.startswith('cbam_core') for name in sys.modules))"
    assert interpreter.succeeds(program).split() == ["True", "False"]


def test_a_program_has_its_words_its_folder_and_its_surroundings(interpreter, tmp_path, monkeypatch):
    monkeypatch.setenv("CBAM_TEST_WORD", "ä")
    program = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), os.environ["CBAM_TEST_WORD"], sys.stdin.read()]))
"""
    found = json.loads(interpreter.succeeds(program, 1, "b c", cwd=tmp_path))
    assert found == [["1", "b c"], str(tmp_path), "ä", ""]


def test_status_and_streams_are_those_of_the_program(interpreter):
    done = interpreter.run("import sys; print('out'); print('error', file=sys.stderr); sys.exit(7)")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"error\n")
    failed = interpreter.run("1 / 0")
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert failed.stderr.endswith(b"ZeroDivisionError: division by zero\n")
    ended = interpreter.run("import sys; sys.exit('a reason')")
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, b"", b"a reason\n")
    interrupted = interpreter.run("raise KeyboardInterrupt")
    assert interrupted.returncode == -signal.SIGINT
    assert interrupted.stderr.endswith(b"KeyboardInterrupt\n")


def test_a_program_waits_for_its_threads_and_ends_in_order(interpreter):
    program = """
import atexit, threading, time
atexit.register(print, "last")
threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
print("first")
"""
    assert interpreter.succeeds(program).split() == ["first", "thread", "last"]


def test_one_program_leaves_nothing_for_the_next(interpreter):
    program = "import sys, torch; print(hasattr(torch, 'left')); torch.left = 1; import cbam_core"
    assert [interpreter.succeeds(program) for _ in range(2)] == ["False\n", "False\n"]
    written = "import pickle, sys; sys.stdout.buffer.write(pickle.dumps(b'\\xff\\n'))"
    assert pickle.loads(interpreter.run(written).stdout) == b"\xff\n"


def test_programs_run_beside_each_other_and_one_can_be_stopped(interpreter, tmp_path):
    waits = "import sys, time, pathlib; print('begun', flush=True); pathlib.Path(sys.argv[1]).touch(); time.sleep(100)"
    stopped, killed = (interpreter.start(waits, tmp_path / name) for name in ("one", "two"))
    meets = "import sys, time, pathlib\nwhile len(list(pathlib.Path(sys.argv[1]).iterdir())) < 2: time.sleep(0.01)"
    interpreter.succeeds(meets, tmp_path)
    stopped.kill(signal.SIGTERM)
    killed.kill()
    for program, status in ((killed, -signal.SIGKILL), (stopped, -signal.SIGTERM)):
        done = program.wait()
        assert (done.returncode, done.stdout, done.stderr) == (status, b"begun\n", b"")


def test_what_a_program_says_is_waited_for(interpreter):
    program = interpreter.start("import time; print('first'); time.sleep(0.1); print('ready at 7', flush=True)")
    assert program.says(r"^ready at (\d+)$")[1] == "7"
    assert program.wait().stdout == b"first\nready at 7\n"
    silent = interpreter.start("import sys; sys.exit('no')")
    with pytest.raises(AssertionError, match=r"it said '' and b'no\\n'"):
        silent.says("ready")
    assert silent.wait().stderr == b"no\n"
    slow = interpreter.start("import time; time.sleep(100)")
    with pytest.raises(AssertionError, match="it said '' and b''"):
        slow.says("ready", seconds=0.1)
    slow.kill()
    assert slow.wait().returncode == -signal.SIGKILL
