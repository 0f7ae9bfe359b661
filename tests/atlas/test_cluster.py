"""Ray: whoever computes a shard, and whatever is killed at any time, the files are the same, bit for bit."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cbam_core import Classifier
from cbam_core.atlas import cluster, planning
from cbam_core.atlas.building import build_atlas
from cbam_core.atlas.cluster import ShardWork, build_on_ray
from cbam_core.atlas.layout import DESCRIPTION, IMAGES
from cbam_core.atlas.plan import read_plan
from cbam_core.atlas.planning import plan_atlas
from cbam_core.atlas.ray_session import connected
from cbam_core.cli import main
from cbam_core.data.corruption import corrupted
from cbam_core.data.dataset import Dataset
from cbam_core.errors import AtlasError
from tests.atlas.processes import ESTABLISHED, LISTENING, below, connections, kill, wait_until
from tests.interpreter import Interpreter

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")

OF_RAY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
"""Set before Ray is imported, as `connected("local")` does it: everything stays on the loopback device."""

ON_DEMAND = {
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_kill_idle_workers_interval_ms": "0",
}
"""No process that no task waits for, and none anew for what an idle one can do: each one has to import torch."""

PATIENT = {"RAY_DASHBOARD_STARTUP_TIMEOUT_S": "200"}
"""What Ray gives up to wait for on a busy machine, it leaves running without a word."""

SLOW = 0.01
SHARD = 5


class SlowImages(Sequence[np.ndarray]):
    """Images that take a while to read, so that something can happen in between.

    Args:
        images: the images.
        gate: file that other processes wait for before they read those of the fourth shard, and of later ones.
    """

    def __init__(self, images: np.ndarray, gate: Path | None = None) -> None:
        self.images, self.gate = images, gate
        self.here = os.getpid()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int | slice) -> Any:
        chosen = self.images[index]
        time.sleep(SLOW * len(chosen) if isinstance(index, slice) else SLOW)
        first = index.start if isinstance(index, slice) else index
        while self.gate is not None and os.getpid() != self.here and first >= 3 * SHARD and not self.gate.exists():
            time.sleep(SLOW)
        return chosen


@pytest.fixture(scope="module")
def small_shards() -> Iterator[None]:
    """Twenty shards of a hundred images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "images_in_shard", lambda *given: SHARD)
        yield


@pytest.fixture(scope="module")
def slow_images(sample_images: Dataset) -> Dataset:
    """The bundled images, read slowly."""
    return replace(sample_images, images=SlowImages(np.asarray(sample_images.images)))


@pytest.fixture(scope="module")
def expected(
    tiny_classifier: Classifier, slow_images: Dataset, small_shards: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Files of an atlas that this process built alone."""
    return contents(build_atlas(tiny_classifier, slow_images, tmp_path_factory.mktemp("alone"), workers=1))


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Ray, imported so that it stays on the loopback device; tasks get this module's images as they are."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**OF_RAY, **ON_DEMAND, "RAY_USAGE_STATS_ENABLED": "0", **PATIENT}.items():
            patch.setenv(name, value)
        import ray

        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        yield ray
        ray.shutdown()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".part")  # what a killed process was writing
    }


def workers_of(pid: int) -> list[int]:
    return [child for child, command in below(pid).items() if command.startswith("ray::work_on")]


def test_a_cluster_that_is_not_there_is_said_at_once(
    ray: Any, tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path
) -> None:
    assert not ray.is_initialized(), "what is connected is used"
    begun = time.monotonic()
    with pytest.raises(AtlasError, match=r"there is no Ray cluster at 127.0.0.1:1 .*refused"):
        build_on_ray(tiny_classifier, sample_images, tmp_path, "127.0.0.1:1")
    assert time.monotonic() - begun < 20


def test_processes_of_ray_that_do_not_start_in_time_are_said(
    ray: Any, tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(**_: object) -> None:
        raise Exception("The current node timed out during startup. This could happen because ...")  # noqa: TRY002

    monkeypatch.setattr(ray, "init", late)
    with pytest.raises(AtlasError, match=r"did not start on this machine .* build without Ray"):
        build_on_ray(tiny_classifier, sample_images, tmp_path, "local")


@pytest.fixture(scope="module")
def local_session(ray: Any) -> Iterator[None]:
    """Two processes of Ray on this machine; once they are there, every build of this module finds them."""
    with connected("local", workers=2):
        yield


@pytest.mark.usefixtures("local_session")
class TestOneMachine:
    def test_its_processes_listen_and_talk_on_the_loopback_device_alone(
        self, tiny_classifier: Classifier, slow_images: Dataset, expected: dict[str, bytes], tmp_path: Path
    ) -> None:
        seen = []

        def look(done: int) -> None:
            seen.append((done, connections({os.getpid(), *below(os.getpid())})))

        folder = build_on_ray(tiny_classifier, slow_images, tmp_path / "a", report=look)
        assert contents(folder) == expected
        assert [done for done, _ in seen] == list(range(0, 101, SHARD))
        assert {found.own.is_loopback for _, all_ in seen for found in all_ if found.state == LISTENING} == {True}
        assert {found.other.is_loopback for _, all_ in seen for found in all_ if found.state == ESTABLISHED} == {True}
        assert {"RAY_USAGE_STATS_ENABLED": "0"}.items() <= os.environ.items()

    def test_a_killed_worker_costs_nothing_but_time(
        self, tiny_classifier: Classifier, sample_images: Dataset, expected: dict[str, bytes], tmp_path: Path
    ) -> None:
        gate, killed = tmp_path / "gate", list[int]()
        images = replace(sample_images, images=SlowImages(np.asarray(sample_images.images), gate))

        def kill_one(done: int) -> None:
            if done == 2 * SHARD:
                wait_until(lambda: len(workers_of(os.getpid())) == 2)
                killed.append(random.choice(workers_of(os.getpid())))
                gate.touch()
                time.sleep(random.uniform(0, SLOW * SHARD))
                kill(killed[-1])

        folder = build_on_ray(tiny_classifier, images, tmp_path / "a", report=kill_one)
        assert killed
        assert killed[0] not in workers_of(os.getpid())
        assert contents(folder) == expected

    def test_an_interrupted_build_goes_on_where_it_was(
        self, tiny_classifier: Classifier, slow_images: Dataset, expected: dict[str, bytes], tmp_path: Path
    ) -> None:
        def stop(done: int) -> None:
            if done >= 30:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            build_on_ray(tiny_classifier, slow_images, tmp_path, report=stop)
        reported: list[int] = []
        build_on_ray(tiny_classifier, slow_images, tmp_path, report=reported.append)
        assert 30 <= reported[0] < 100
        assert contents(tmp_path) == expected

    def test_corrupted_images_are_the_same_in_every_process_and_keep_their_names(
        self, tiny_classifier: Classifier, sample_images: Dataset, small_shards: None, tmp_path: Path
    ) -> None:
        worse = corrupted(sample_images, "noise", 3)
        alone = build_atlas(tiny_classifier, worse, tmp_path / "alone", workers=1)
        shared = build_on_ray(tiny_classifier, worse, tmp_path / "shared")
        assert contents(alone) == contents(shared)
        assert read_plan(shared).images.corruption == "noise:3"
        assert pq.read_table(shared / IMAGES)["id"].to_pylist() == [f"cifar10:samples/{n}" for n in range(100)]

    def test_the_command_builds_on_ray(
        self, tiny_checkpoint: Path, small_shards: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["atlas", "build", str(tiny_checkpoint), "--set", "samples", "--json", "--out", str(tmp_path)]
        assert main([*command, "--ray", "local"]) == 0
        assert json.loads(capsys.readouterr().out)["count"] == 100
        assert len(list(tmp_path.glob("shards/*"))) == 20

    def test_problems_of_a_task_are_said_in_its_words(
        self, tiny_classifier: Classifier, sample_images: Dataset, small_shards: None, tmp_path: Path
    ) -> None:
        def hide(done: int) -> None:
            (tmp_path / DESCRIPTION).unlink(missing_ok=True)

        with pytest.raises(AtlasError, match=r"does not see atlas.json .* all machines need the same folder"):
            build_on_ray(tiny_classifier, sample_images, tmp_path, report=hide)
        with pytest.raises(AtlasError, match=r"the cluster has 0 GPU and a task needs 0\.5"):
            build_on_ray(tiny_classifier, sample_images, tmp_path, gpus=0.5)


DRIVER = """
import os, sys, pickle
from cbam_core.atlas import planning
from cbam_core.atlas.cluster import build_on_ray
planning.images_in_shard = lambda *given: int(sys.argv[4])
classifier, dataset = pickle.load(open(sys.argv[1], "rb"))
dataset.images.here = os.getpid()
build_on_ray(classifier, dataset, sys.argv[2], sys.argv[3])
"""


@dataclass(frozen=True)
class TwoMachines:
    """A cluster: where its head is, and the main process of the other machine."""

    address: str
    raylet: int


@pytest.fixture(scope="class")
def machines(local_session: None, ray: Any) -> Iterator[TwoMachines]:
    """The session's machine, and another one with one processor."""
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    address = ray._private.worker._global_node.gcs_address
    one = {"num_cpus": 1, "num_gpus": 0, "node_ip_address": "127.0.0.1", "object_store_memory": 80_000_000}
    ports = {"node_manager_port": 0, "min_worker_port": 0, "max_worker_port": 0}
    other = Node(RayParams(gcs_address=address, include_log_monitor=False, **one, **ports), head=False)
    wait_until(lambda: ray.cluster_resources().get("CPU") == 3)
    yield TwoMachines(address, other.all_processes["raylet"][0].process.pid)
    other.kill_all_processes(check_alive=False)


MEMBER = """
import sys
from cbam_core.atlas.ray_session import connected, resources
with connected(sys.argv[1]):
    print(resources()["CPU"])
import ray
print(ray.is_initialized())
"""


class TestTwoMachines:
    def test_a_program_joins_them_and_leaves(self, machines: TwoMachines, interpreter: Interpreter) -> None:
        assert interpreter.succeeds(MEMBER, machines.address) == "3.0\nFalse\n"

    def test_a_killed_driver_leaves_what_the_next_one_completes(
        self,
        machines: TwoMachines,
        ray: Any,
        interpreter: Interpreter,
        tiny_classifier: Classifier,
        sample_images: Dataset,
        slow_images: Dataset,
        expected: dict[str, bytes],
        tmp_path: Path,
    ) -> None:
        given, folder, gate = tmp_path / "given", tmp_path / "atlas", tmp_path / "gate"
        images = replace(sample_images, images=SlowImages(np.asarray(sample_images.images), gate))
        given.write_bytes(ray.cloudpickle.dumps((tiny_classifier, images)))
        driver = interpreter.start(DRIVER, given, folder, machines.address, SHARD)
        try:
            wait_until(lambda: len(list(folder.glob("shards/*.parquet"))) >= 3)
        finally:
            driver.kill()
            driver.wait()
        gate.touch()
        before = len(list(folder.glob("shards/*.parquet")))
        assert before < 20
        reported: list[int] = []
        build_on_ray(tiny_classifier, slow_images, folder, machines.address, report=reported.append)
        assert reported[0] >= before * SHARD
        assert contents(folder) == expected

    def test_a_lost_machine_costs_nothing_but_time(
        self,
        machines: TwoMachines,
        tiny_classifier: Classifier,
        sample_images: Dataset,
        expected: dict[str, bytes],
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        gate = tmp_path / "gate"
        images = replace(sample_images, images=SlowImages(np.asarray(sample_images.images), gate))

        def lose(done: int) -> None:
            if done == 2 * SHARD:
                wait_until(lambda: workers_of(machines.raylet), pause=0.2)  # it takes part, as the other waits
                kill(machines.raylet)
                gate.touch()

        folder = build_on_ray(tiny_classifier, images, tmp_path / "a", machines.address, report=lose)
        assert contents(folder) == expected
        assert capfd.readouterr().out == ""  # Ray's own messages would be in the middle of results


def test_a_machine_with_another_version_is_refused(tiny_classifier: Classifier, sample_images: Dataset) -> None:
    plan = replace(plan_atlas(tiny_classifier, sample_images), torch="1.0.0")
    with pytest.raises(AtlasError, match=r"the atlas needs .* and 1.0.0: install the same on all machines"):
        ShardWork(tiny_classifier, sample_images, plan, Path("/nowhere")).prepared()


def test_a_shard_that_is_never_seen_is_said(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    with pytest.raises(AtlasError, match="has written shard 0, which is not in"):
        cluster._wait_for(tmp_path, plan_atlas(tiny_classifier, sample_images), 0)


@pytest.mark.parametrize("address", ["", "nowhere", "ray://head:10001", "head:", "head:port", "a b:6379"])
def test_an_address_that_is_none_is_refused(
    tiny_classifier: Classifier, sample_images: Dataset, tmp_path: Path, address: str
) -> None:
    with pytest.raises(AtlasError, match="is no address of a Ray cluster; expected local, auto, or host and port"):
        build_on_ray(tiny_classifier, sample_images, tmp_path, address)
