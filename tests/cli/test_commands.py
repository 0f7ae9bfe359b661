"""The command as a whole: its help, how it fails, and what it writes where."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cbam_core import cli
from cbam_core.cli import explaining, main
from cbam_core.cli.choosing import DEFAULT_CHECKPOINT
from cbam_core.cli.output import one_line

COMMANDS = [
    "app",
    "explain",
    "evaluate",
    "usual",
    "info",
    "export",
    "train",
    "atlas",
    "atlas build",
    "atlas info",
    "atlas check",
    "atlas top",
    "atlas suspects",
    "atlas map",
    "atlas export",
    "data",
    "data fetch",
    "data where",
    "data status",
]
ESCAPE = "\x1b"


def in_terminal(program, **environment):
    """What a Python program writes, both streams together, when it believes to be in a terminal."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo terminals")
    leader, follower = pty.openpty()
    settings = {**os.environ, "TERM": "xterm-256color", **environment}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=settings):
        os.close(follower)
        written = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # Linux says so when the last writer has gone
                break
            if not part:
                break
            written += part
    os.close(leader)
    return written.decode()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_help(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: cbam {command}".rstrip())
    assert re.search(r"^ +-.*<(int|float|str)", said, re.MULTILINE) is None  # options name their values
    if command not in ("data", "atlas"):
        assert re.search(r"Examples?:\n +\S*.*cbam", said)


def test_help_names_every_command_and_exit_status(capsys):
    main(["--help"])
    said = capsys.readouterr().out
    listed = re.findall(r"^  (\w+) +[A-Z]", said.split("Commands:")[1].split("Exit status:")[0], re.MULTILINE)
    assert listed == [
        "app",
        "explain",
        "evaluate",
        "usual",
        "score",
        "attribute",
        "audit",
        "objects",
        "info",
        "export",
        "convert",
        "train",
        "atlas",
        "data",
    ]
    statuses = re.findall(r"^    (\d+) ", said, re.MULTILINE)
    assert statuses == ["0", "1", "2", "3", "70", "130", "141"]


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "--help"], ["app", "--help"], ["--version"], ["nope"]])
def test_help_and_usage_errors_wait_for_nothing_heavy(arguments):
    program = f"import sys; from cbam_core.cli import main; main({arguments!r}); print('!', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split("!")[-1].split()
    assert not {"torch", "streamlit", "numpy", "PIL", "plotly"} & set(loaded)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"cbam-lens \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_no_command_shows_help_as_an_error(capsys):
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Usage: cbam" in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "no such command 'nope'"),
        (["explan"], "no such command 'explan'; perhaps 'explain' is meant; see"),
        (["explain", "--chekpoint", "x"], "no such option: --chekpoint; perhaps --checkpoint is meant; see"),
        (["evaluate", "a", "b"], "cbam: unexpected further arguments (b); see"),
        (["train", "--out", "x", "--set", "foo"], "'--set': 'foo' must look like NAME=VALUE; see"),
        (["convert", "a.pth", "--to", "foo", "--out", "x.pth"], "'--to': 'foo' is not one of cbam-lens, "),
        (["atlas", "build", "--gpus", "1"], "cbam: --gpus is for tasks on Ray"),
        (["explain", "a.png"], "missing option '--out'"),
        (["explain", "--out", "x"], "missing argument 'IMAGE'"),
        (["explain", "a", "--out", "x", "--fit", "zoom"], "'zoom' is not one of 'crop', 'pad', 'squash'"),
        (["explain", "a", "--out", "x", "--colours", "jet"], "'jet' is not one of 'viridis', 'magma'"),
        (["explain", "a", "--out", "x", "--opacity", "2"], "it has to be at most 1"),
        (["explain", "a", "--out", "x", "--opacity", "nan"], "--opacity"),
        (["evaluate", "--split", "train"], "'train' is not one of 'test', 'samples'"),
        (["train", "--out", "x", "--recipe", "magic"], "'magic' is not one of "),
        (["app", "--port", "70000"], "--port"),
        (
            ["atlas", "build", "--images", "photos"],
            "'--images': a whole number is expected, and --set names the images; see",
        ),
        (["score", "--images", "photos"], "a whole number is expected, and --set names the images; see"),
        (["objects", "--images", "photos"], "a whole number is expected, and --set names the images; see"),
        (["explain", "a", "--out", "x", "--opacity", "half"], "'--opacity': a number is expected; see"),
        (["usual", "a.pth", "--model", "b.pth"], "name one network, not both a.pth and b.pth"),
        (["export"], "missing argument 'CHECKPOINT'"),
        (["explain", "", "--out", "x"], "an argument is empty, as that of a variable that is not set; give one, or"),
        (["explain", "a", "--out", ""], "the value of --out is empty, as that of a variable that is not set"),
        (["explain", "a", "--out="], "the value of --out is empty"),
        (["evaluate", "--images", ""], "the value of --images is empty"),
        (["atlas", "build", "-o", ""], "the value of -o is empty"),
        (["atlas", "info", ""], "an argument is empty"),
    ],
)
def test_usage_errors_are_one_line_and_status_2(arguments, said, capsys):
    assert main(arguments) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == 1
    assert written.err.startswith("cbam: ")
    assert said in written.err
    assert re.search(r"see `cbam.* --help`$", written.err)


def test_numbers_are_asked_for_in_plain_words(capsys):
    for value, said in (("0", "it has to be at least 1"), ("x", "a whole number is expected")):
        assert main(["train", "--out", "runs", "--epochs", value]) == 2
        assert capsys.readouterr().err == f"cbam: invalid value for '--epochs': {said}; see `cbam train --help`\n"


def test_a_file_whose_name_begins_with_a_dash_is_explained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-cat.png").touch()
    assert main(["explain", "-cat.png", "--out", "out"]) == 2
    said = "a file whose name begins with a dash is named as ./-cat.png; see `cbam explain --help`"
    assert said in capsys.readouterr().err


def test_a_users_mistake_is_one_line_and_status_3(capsys):
    assert main(["info", "nowhere.pth"]) == 3
    written = capsys.readouterr()
    assert written.out == ""
    assert re.fullmatch(r"cbam: there is no checkpoint at nowhere\.pth.*\n", written.err)


def test_debug_shows_the_traceback_of_a_mistake(capsys):
    assert main(["--debug", "info", "nowhere.pth"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_no_network_at_hand_says_where_one_was_looked_for(tmp_path, monkeypatch, capsys, picture_file):
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    assert main(["explain", str(picture_file), "--out", str(tmp_path / "out")]) == 3
    assert str(tmp_path) in capsys.readouterr().err


def test_a_shipped_network_is_taken_by_default(tmp_path, monkeypatch, capsys, tiny_checkpoint):
    for name in ("aaa", DEFAULT_CHECKPOINT):
        (tmp_path / f"{name}.safetensors").write_bytes(tiny_checkpoint.read_bytes())
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    assert main(["evaluate", "--split", "samples"]) == 0
    assert capsys.readouterr().out.startswith(DEFAULT_CHECKPOINT)


def broken(*_):
    file = str(Path(cli.__file__).with_name("explaining.py"))  # else it would be the code of a network
    exec(compile("raise ZeroDivisionError('of our own making')", file, "exec"))


def test_a_fault_of_ours_is_one_line_and_its_traceback_is_kept(monkeypatch, capsys, picture_file, tmp_path):
    monkeypatch.setattr(explaining, "open_checkpoint", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["explain", str(picture_file), "--out", str(tmp_path)]) == 70
    written = capsys.readouterr()
    assert written.out == ""
    found = re.fullmatch(r"cbam: there is a bug .*\(ZeroDivisionError\).* (\S+\.log)\n", written.err)
    assert found
    assert Path(found[1]).parent == tmp_path
    log = Path(found[1]).read_text(encoding="utf-8")
    assert "of our own making" in log
    assert "Traceback" in log


def test_a_fault_of_ours_is_told_even_where_no_log_can_be_kept(monkeypatch, capsys, picture_file, tmp_path):
    monkeypatch.setattr(explaining, "open_checkpoint", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert main(["explain", str(picture_file), "--out", str(tmp_path)]) == 70
    assert "cbam --debug" in capsys.readouterr().err


def test_debug_shows_the_traceback_of_a_fault(monkeypatch, capsys, picture_file, tmp_path):
    monkeypatch.setattr(explaining, "open_checkpoint", broken)
    assert main(["--debug", "explain", str(picture_file), "--out", str(tmp_path)]) == 70
    assert "ZeroDivisionError: of our own making" in capsys.readouterr().err


def test_ctrl_c_is_status_130_without_a_word(monkeypatch, capsys, picture_file, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(explaining, "open_checkpoint", interrupted)
    assert main(["explain", str(picture_file), "--out", str(tmp_path)]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise there")
def test_a_real_interrupt_ends_a_real_command_quietly():
    program = (
        "import signal, time; from cbam_core import cli; from cbam_core.data import cifar10;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # background jobs start without it
        "cifar10.fetch = lambda *_, **__: (print('at it', flush=True), time.sleep(60)); cli.run()"
    )
    command = [sys.executable, "-c", program, "data", "fetch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "at it\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == ""


@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise there")
@pytest.mark.parametrize("module", ["typer", "cbam_core.cli.choosing", "cbam_core.cli.usual"])
def test_an_interrupt_while_the_command_line_is_imported_ends_it_quietly(module):
    program = (
        "import os, signal, sys;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # background jobs start without it
        "Finder = type('Finder', (), {'find_spec': lambda name, *_: "
        f"os.kill(os.getpid(), signal.SIGINT) if name == '{module}' else None}});"
        "sys.meta_path.insert(0, Finder);"
        "from cbam_core.cli import run; run()"
    )
    done = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
@pytest.mark.parametrize("arguments", [["data", "where"], ["--help"]])
def test_a_reader_that_leaves_early_causes_no_noise(arguments):
    command = [sys.executable, "-c", "from cbam_core.cli import run; run()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.mark.parametrize("command", [["--help"], ["info"], ["explain", "--help"], ["evaluate", "--split", "samples"]])
def test_pipes_get_no_colours(command, monkeypatch, capsys, tiny_checkpoint):
    for name in ("GITHUB_ACTIONS", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    given = {"info": [str(tiny_checkpoint)], "evaluate": ["--checkpoint", str(tiny_checkpoint)]}
    assert main([*command, *given.get(command[0], [])]) == 0
    written = capsys.readouterr()
    assert written.out
    assert ESCAPE not in written.out + written.err


WATCHED = """
from cbam_core.cli.output import progress_bar
with progress_bar("{task.completed}/{task.total}") as progress:
    task = progress.add_task("explaining", total=2)
    for number in range(2):
        print("result", number)
        progress.advance(task)
"""


def test_a_terminal_gets_a_coloured_progress_bar_and_results_above_it():
    written = in_terminal(WATCHED)
    assert "explaining" in written
    assert "result 1" in written
    assert re.search(r"\x1b\[[\d;]*3\d", written)


def test_no_color_is_respected_in_a_terminal():
    written = in_terminal(WATCHED, NO_COLOR="1")
    assert "explaining" in written
    assert not re.search(r"\x1b\[[\d;]+m", written)


def test_what_stands_in_a_file_name_cannot_steer_the_terminal():
    assert one_line("a\x1b[31m\nb\u202ec\udcff") == r"a\x1b[31m b\u202ec\udcff"


def test_the_entry_point_leaves_with_the_status(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["cbam", "nope"])
    with pytest.raises(SystemExit) as stopped:
        cli.run()
    assert stopped.value.code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_standard_output_without_room_or_without_a_file_is_one_line():
    for redirect in ("> /dev/full", ">&-"):
        command = f"{sys.executable} -m cbam_core.cli data where {redirect}"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert done.stderr.count("\n") == 1
        assert "results" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be deleted there")
def test_a_current_folder_that_was_deleted_is_one_line(tmp_path):
    (tmp_path / "gone").mkdir()
    command = f"cd '{tmp_path}/gone' && rmdir ../gone && {sys.executable} -m cbam_core.cli explain a.png --out o"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("cbam: the current folder was deleted; change to another one")
    assert done.stderr.count("\n") == 1


def test_json_is_json_in_every_encoding(tmp_path, tiny_checkpoint, monkeypatch):
    odd = tmp_path / "café😀.safetensors"
    odd.write_bytes(tiny_checkpoint.read_bytes())
    for encoding in ("ascii", "latin-1", "utf-8"):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, write_through=True))
        assert main(["info", str(odd), "--json"]) == 0
        assert json.loads(written.getvalue())["name"] == "café😀"
