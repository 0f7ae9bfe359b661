"""Claim: whatever is killed at whatever moment, an atlas has every image once, and the same bits.

The bundled images through the shipped `CBAM_CNN`, in shards of five, each image read slowly so that a build takes a
while; two nodes of Ray on the loopback device, each with one processor. A round begins a build and ends something with
SIGKILL at a random moment of it, in turns: the process of a task, a node of the cluster, the process that builds, or
one of two ranks as `torchrun` starts them. A killed build is started again; a lost node is replaced afterwards. Then
every file is compared with those that a plain loop in one process wrote before.

    python benchmarks/atlas_kills.py [--rounds 20]

Needs Ray (the extra `cluster`) and Linux. What a killed process was writing under another name is not looked at.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from apparatus.turns import asked_rounds, tell

from cbam_core import load_classifier
from cbam_core.atlas import planning
from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.cluster import build_on_ray
from cbam_core.atlas.finishing import is_finished
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.shards import read_rows
from cbam_core.data.dataset import samples

SHARD = 5
"""Images of a shard."""
SLOW = 0.02
"""Seconds that it takes to read an image."""
VICTIMS = ("worker", "node", "driver", "rank")

PROGRAM = """
import os, sys
from ray import cloudpickle
from cbam_core.atlas import cluster, planning, ranks
planning.images_in_shard = lambda *given: int(sys.argv[4])
with open(sys.argv[1], "rb") as given:
    classifier, dataset = cloudpickle.load(given)
rank = ranks.read_rank(os.environ)
if rank is None:
    cluster.build_on_ray(classifier, dataset, sys.argv[2], sys.argv[3])
else:
    ranks.build_share(classifier, dataset, sys.argv[2], rank)
"""


class SlowImages(Sequence[np.ndarray]):
    """Images that take a while to read, so that a build can be hit in the middle."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> Any:
        chosen = self.images[index]
        time.sleep(SLOW * len(chosen) if isinstance(index, slice) else SLOW)
        return chosen


class Scene:
    """A cluster of two nodes, a network and images, and what an atlas of them has to be.

    Args:
        home: folder for everything.
        draws: random numbers.
    """

    def __init__(self, home: Path, draws: random.Random) -> None:
        from ray import cloudpickle
        from ray.cluster_utils import Cluster

        planning.images_in_shard = lambda *_: SHARD
        self.home, self.draws = home, draws
        self.classifier, known = load_classifier("cbam_cnn_cifar10"), samples()
        self.dataset = replace(known, images=SlowImages(np.asarray(known.images)))
        self.given = home / "given"
        self.given.write_bytes(cloudpickle.dumps((self.classifier, self.dataset)))
        self.node = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80_000_000}
        self.cluster = Cluster(initialize_head=True, head_node_args={**self.node, "include_dashboard": False})
        self.other = self.cluster.add_node(**self.node)
        begun = time.monotonic()
        self.expected = contents(build_atlas(self.classifier, self.dataset, home / "alone", workers=1))
        self.seconds = time.monotonic() - begun

    def moment(self) -> float:
        """A random moment of a build by two processes, in seconds since its first shard was there."""
        return self.draws.uniform(0, self.seconds / 2)

    def build(self, folder: Path, kill: Callable[[], object]) -> None:
        """Build in this process; something is killed at a random moment after the first shard was there."""
        timer = threading.Timer(self.moment(), kill)

        def start(done: int) -> None:
            if done and timer.ident is None:
                timer.start()

        build_on_ray(self.classifier, self.dataset, folder, self.cluster.address, report=start)
        timer.cancel()
        timer.join()

    def start(self, folder: Path, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process that builds on the cluster, or a rank."""
        command = [sys.executable, "-c", PROGRAM, str(self.given), str(folder), self.cluster.address, str(SHARD)]
        return subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)

    def lose_worker(self, folder: Path) -> int:
        """Build, and kill the process of a task; return how many were killed."""
        killed = []

        def kill() -> None:
            if found := tasks():
                killed.append(self.draws.choice(found))
                end(killed[-1])

        self.build(folder, kill)
        return len(killed)

    def lose_node(self, folder: Path) -> int:
        """Build, and kill the daemon of a node, with which its tasks end; then add another one."""
        self.build(folder, lambda: end(self.other.all_processes["raylet"][0].process.pid))
        end(self.other.all_processes["raylet"][0].process.pid)
        self.cluster.remove_node(self.other, allow_graceful=False)
        self.other = self.cluster.add_node(**self.node)
        return 1

    def lose_driver(self, folder: Path) -> int:
        """Kill the process that builds, and start another one until the atlas is finished."""
        return self.finish(folder, lambda: [self.start(folder)])

    def lose_rank(self, folder: Path) -> int:
        """Kill one of two ranks, and start both again until the atlas is finished."""
        return self.finish(
            folder, lambda: [self.start(folder, RANK=str(number), WORLD_SIZE="2") for number in range(2)]
        )

    def finish(self, folder: Path, begin: Callable[[], list[subprocess.Popen[bytes]]]) -> int:
        """Start processes and kill one at a random moment; then start them until they finish the atlas."""
        running, killed = begin(), 0
        while not list(folder.glob("shards/*.parquet")) and any(process.poll() is None for process in running):
            time.sleep(0.02)
        time.sleep(self.moment())
        victim = self.draws.choice(running)
        if victim.poll() is None:
            victim.kill()
            killed = 1
        for _ in range(3):
            for process in running:
                process.wait()
            if is_finished(folder, read_plan(folder)):
                break
            running = begin()
        return killed

    def close(self) -> None:
        """End the cluster."""
        import ray

        ray.shutdown()
        self.cluster.shutdown()


def tasks() -> list[int]:
    """Processes that compute shards."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cmdline").read_bytes().startswith(b"ray::work_on"):
                found.append(int(entry.name))
    return found


def end(pid: int) -> None:
    """End a process at once, if it is there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of an atlas but what a killed process was writing."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".part"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def is_right(scene: Scene, folder: Path) -> bool:
    """Check that an atlas has every image once, and the bits that one process wrote."""
    plan = read_plan(folder)
    numbers = np.concatenate([read_rows(folder, plan, number).index for number in range(plan.shards)])
    return np.array_equal(numbers, np.arange(plan.count)) and contents(folder) == scene.expected


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, compare, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 20, arguments)
    os.environ.update(
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
        RAY_USAGE_STATS_ENABLED="0",
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=secrets.token_hex(32),
    )
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("cbam_lens").setLevel(logging.ERROR)
    killed: Counter[str] = Counter()
    wrong = []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        scene = Scene(Path(home), random.Random(time.time_ns()))
        try:
            for turn in range(rounds):
                victim = VICTIMS[turn % len(VICTIMS)]
                folder = Path(home) / f"{turn}-{victim}"
                killed[victim] += getattr(scene, f"lose_{victim}")(folder)
                if not is_right(scene, folder):
                    wrong.append(folder.name)
                said = f"{sum(killed.values())} killed, {len(wrong)} wrong, {time.monotonic() - begun:.0f} s"
                print(f"{folder.name}: {said}", file=sys.stderr, flush=True)
        finally:
            scene.close()
    hits = ", ".join(f"{killed[victim]} times a {victim}" for victim in VICTIMS)
    return tell(
        "atlas_kills",
        {"rounds": rounds, "killed": dict(killed), "wrong": wrong, "seconds": round(time.monotonic() - begun)},
        f"in {rounds} builds of 20 shards, SIGKILL hit {hits}; {rounds - len(wrong)} atlases have every image once "
        "and the same bits as one that a single process built",
        holds=not wrong,
    )


if __name__ == "__main__":
    sys.exit(main())
