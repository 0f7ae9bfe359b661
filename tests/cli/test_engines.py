"""Who computes an atlas: one process, several of a launcher, and one that is interrupted."""

import os
import signal
import time

import numpy as np
import pytest
from PIL import Image

from cbam_core.atlas import planning
from cbam_core.cli import main
from tests.atlas.processes import wait_until


def interrupted(*_):
    raise KeyboardInterrupt


def asked_to_end(*_):
    signal.raise_signal(signal.SIGTERM)
    time.sleep(20)


@pytest.mark.parametrize("stop", [interrupted, asked_to_end])
def test_an_interrupted_build_says_how_to_go_on(tiny_checkpoint, tmp_path, capsys, monkeypatch, stop):
    from cbam_core.atlas import building

    monkeypatch.setattr(building, "compute_part", stop)
    before = signal.getsignal(signal.SIGTERM)
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(tmp_path / "atlas")]
    assert main([*command, "--workers", "1"]) == 130
    assert signal.getsignal(signal.SIGTERM) == before
    assert "run the same command again to go on" in capsys.readouterr().err


def test_processes_of_a_launcher_share_the_work(tiny_checkpoint, folder, tmp_path, capsys, monkeypatch):
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(tmp_path / "shared")]
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "process 1 of 2 is done; 1 shard of others are missing so far" in said.err
    monkeypatch.setenv("RANK", "0")
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("tiny on 100 images of cifar10:samples")
    for written in folder.rglob("*.parquet"):
        assert (tmp_path / "shared" / written.relative_to(folder)).read_bytes() == written.read_bytes()
    assert main([*command, "--again"]) == 2
    assert "this is process 0 of 2 of torchrun or srun; leave --ray and --again out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--gpus", "1"], 2, "--gpus is for tasks on Ray; name a cluster with --ray"),
        (["--ray", "auto", "--workers", "2"], 2, "a cluster has its own processors; leave --workers out"),
        (["--ray", "nowhere"], 3, "'nowhere' is no address of a Ray cluster"),
        (["--corrupt", "blur:9"], 3, "unknown corruption 'blur:9'"),
    ],
)
def test_who_computes_is_said_in_one_way(tiny_checkpoint, tmp_path, capsys, options, status, said):
    command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--out", str(tmp_path / "atlas")]
    assert main([*command, *options]) == status
    assert said in capsys.readouterr().err


HELD = """
import signal
from itertools import count
from threading import Event
from cbam_core.atlas import building, planning
from cbam_core.cli import run

begun, interrupted = count(1), Event()

def held(*given):
    if next(begun) > 2:
        interrupted.wait()
    return compute_part(*given)

def interrupt(*given):
    interrupted.set()
    signal.default_int_handler(*given)

compute_part, building.compute_part = building.compute_part, held
planning.images_in_shard = lambda *_: 40
signal.signal(signal.SIGINT, interrupt)
run()
"""
"""A build that is held up after two of its shards, until it is interrupted."""


@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise there")
def test_a_real_interrupt_keeps_what_is_done_and_the_next_run_goes_on_with_the_same_bits(
    interpreter, tiny_checkpoint, tmp_path, monkeypatch
):
    photos, place, whole = (tmp_path / name for name in ("photos", "atlas", "whole"))
    photos.mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (240, 32, 32, 3), np.uint8)):
        Image.fromarray(pixels).save(photos / f"{number:03}.bmp")
    words = ["atlas", "build", str(tiny_checkpoint), "--set", str(photos), "--out", str(place), "--workers", "2"]
    process = interpreter.start(HELD, *words)
    wait_until(lambda: len(list(place.glob("shards/*.parquet"))) >= 2, seconds=60)
    process.kill(signal.SIGINT)
    done = process.wait()
    assert done.returncode == 130
    expected = f"cbam: interrupted; run the same command again to go on with {place}\n"
    assert (done.stdout.decode(), done.stderr.decode()) == ("", expected)
    kept = {path: path.stat().st_mtime_ns for path in place.glob("shards/*.parquet")}
    assert 2 <= len(kept) < 6
    assert list(place.rglob("*.part")) == []
    assert main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # not computed again
    monkeypatch.setattr(planning, "images_in_shard", lambda *_: 40)
    assert main([*words[:-3], str(whole)]) == 0
    for path in (path for path in whole.rglob("*") if path.is_file()):
        assert (place / path.relative_to(whole)).read_bytes() == path.read_bytes()
