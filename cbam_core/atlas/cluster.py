"""Building an atlas on many machines: Ray tasks, each of which computes and writes one shard.

Files are the truth, and tasks answer with numbers only. So a task that ends with its machine is done again elsewhere,
a build whose own process was ended goes on at the next start, and a shard that is written twice has the same bytes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import cbam_core
from cbam_core.atlas.building import begin_atlas
from cbam_core.atlas.finishing import finish
from cbam_core.atlas.layout import DESCRIPTION
from cbam_core.atlas.plan import Plan, read_plan
from cbam_core.atlas.ray_session import connected, resources
from cbam_core.atlas.shard_work import compute_shard
from cbam_core.atlas.shards import missing_shards, shard_is_done, write_shard
from cbam_core.data.corruption import CorruptedImages
from cbam_core.data.dataset import Dataset, labelled_for
from cbam_core.data.sequences import ImageSequence
from cbam_core.errors import AtlasError, CbamError
from cbam_core.network import Classifier
from cbam_core.workers import check_workers

RETRIES = 10
"""How often a task is done again whose process or machine was lost."""

AHEAD = 2
"""Tasks that are handed out for each processor, so that none waits for the next."""

PATIENCE = 30.0
"""Seconds after which a file that a task has written must be seen here; network file systems take a moment."""


def build_on_ray(
    classifier: Classifier,
    dataset: Dataset,
    folder: str | Path,
    address: str = "local",
    *,
    workers: int | None = None,
    gpus: float = 0.0,
    report: Callable[[int], object] = lambda _: None,
    again: bool = False,
) -> Path:
    """Build an atlas as `cbam_core.atlas.building.build_atlas` does, and with the same bytes, by tasks on Ray.

    All machines need this program, and see the folder (and images that are files) under the same path.

    Args:
        classifier: the network; it is not changed.
        dataset: images, with or without labels.
        folder: folder of the atlas.
        address: ``"local"`` for processes on this machine, which listen on the loopback device alone; ``"auto"`` for
            the cluster that this machine belongs to; or its address, as ``"10.0.0.1:6379"``.
        workers: processes for ``"local"``; None for the number of processors.
        gpus: GPUs that each task takes, such as 1 or 0.25; 0 for none. Gates of GPUs differ in their last bits.
        report: called after each shard with the number of images done.
        again: whether to remove what an earlier build left in the folder.

    Returns:
        The folder.

    Raises:
        AtlasError: as `build_atlas`; or there is no such cluster, it has no processor or GPU, its machines do not see
            the folder or have other versions, or a task was lost too often.
        CaptureError, ModelError, OSError: as `build_atlas`.
        ModuleNotFoundError: Ray is not installed.
    """
    if workers is not None:
        check_workers(workers)
    place = Path(folder).absolute()
    images = labelled_for(dataset, classifier.classes)
    plan = begin_atlas(classifier, images, place, again=again)
    numbers = missing_shards(place, plan)
    done = plan.count - sum(map(plan.size, numbers))
    report(done)
    if numbers:
        work = ShardWork(classifier, _shareable(images), plan, place, gpus > 0)
        with connected(address, workers, gpus), closing(_computed(work, numbers, gpus)) as computed:
            for number in computed:
                _wait_for(place, plan, number)
                done += plan.size(number)
                report(done)
    finish(place, plan)
    return place


@dataclass(frozen=True, eq=False)
class ShardWork:
    """What a task needs to compute any shard; it is sent to each machine once.

    Attributes:
        classifier: the network.
        dataset: the images.
        plan: plan of the atlas.
        folder: folder of the atlas, as all machines see it.
        on_gpu: whether the network computes on the task's GPU.
    """

    classifier: Classifier
    dataset: Dataset
    plan: Plan
    folder: Path
    on_gpu: bool = False

    def prepared(self) -> ShardWork:
        """Check that this machine can do the work, and move the network to its device.

        Raises:
            AtlasError: it has other versions, or does not see the folder.
        """
        _check_versions(self.plan)
        _check_folder(self.folder, self.plan)
        if self.on_gpu:
            self.classifier.model.to("cuda")  # this process has a copy of its own
        return self

    def do(self, number: int) -> None:
        """Compute and write a shard, unless it is there."""
        if not shard_is_done(self.folder, self.plan, number):
            write_shard(self.folder, self.plan, compute_shard(self.classifier, self.dataset, self.plan, number))


def _check_versions(plan: Plan) -> None:
    here = (str(cbam_core.__version__), str(torch.__version__))
    if here != (plan.program, plan.torch):
        raise AtlasError(
            "atlas.other-versions",
            "the machine {machine} has version {program} of this program and {torch} of torch, and the atlas needs "
            "{expected} and {expected_torch}: install the same on all machines",
            machine=_machine(),
            program=here[0],
            torch=here[1],
            expected=plan.program,
            expected_torch=plan.torch,
        )


def _check_folder(folder: Path, plan: Plan) -> None:
    try:
        same = read_plan(folder).digest == plan.digest
    except AtlasError:
        same = False
    if not same:
        raise AtlasError(
            "atlas.not-shared",
            "the machine {machine} does not see {file} of this atlas in {folder}: all machines need the same folder "
            "under the same path, as on a network file system",
            machine=_machine(),
            file=DESCRIPTION,
            folder=str(folder),
        )


def _machine() -> str:
    import platform

    return platform.node()


def _shareable(dataset: Dataset) -> Dataset:
    """Return the data set with plain arrays in the place of mapped files: processes of a machine share their memory."""

    def plain(images: ImageSequence) -> ImageSequence:
        if isinstance(images, CorruptedImages):
            return CorruptedImages(plain(images.clean), images.corruption)
        return np.asarray(images) if isinstance(images, np.ndarray) else images

    labels = None if dataset.labels is None else np.asarray(dataset.labels)
    return replace(dataset, images=plain(dataset.images), labels=labels)


_prepared: dict[str, ShardWork] = {}
"""What this process works on, by the name of the object that it came in; only the last one is kept."""


def work_on(held: list[Any], number: int) -> int | CbamError | OSError:
    """Compute and write one shard, in a process of a cluster; a task of Ray.

    Args:
        held: reference to the work, in a list so that Ray does not unpack it anew for each task.
        number: number of the shard.

    Returns:
        Number of the shard; or the problem, as Ray would change its class.
    """
    import ray

    name = held[0].hex()
    try:
        if name not in _prepared:
            _prepared.clear()
            _prepared[name] = ray.get(held[0]).prepared()
        _prepared[name].do(number)
    except (CbamError, OSError) as error:
        return error
    return number


def _computed(work: ShardWork, numbers: list[int], gpus: float) -> Generator[int, None, None]:
    """Hand out tasks for shards, a few more than there are processors; yield numbers of shards as they are done."""
    import ray

    task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(work_on)
    held = [ray.put(work)]
    ahead: dict[Any, int] = {}
    left = deque(numbers)
    try:
        while left or ahead:
            while left and len(ahead) < _most_ahead():
                number = left.popleft()
                ahead[task.remote(held, number)] = number
            for reference in ray.wait(list(ahead))[0]:
                yield _answer(reference, ahead.pop(reference))
    finally:  # after Ctrl+C, or a problem
        for reference in ahead:
            ray.cancel(reference)


def _most_ahead() -> int:
    """Return how many tasks are handed out at once; machines may come and go."""
    return AHEAD * max(1, int(resources().get("CPU", 1)))


def _answer(reference: Any, number: int) -> int:
    """Return the answer of a task that has ended.

    Raises:
        AtlasError: its process or machine was lost too often.
        CbamError, OSError: as in the task.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        answer = ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, ImportError):
            raise AtlasError(
                "atlas.not-installed",
                "a machine of the cluster cannot import what the work needs ({reason}): install the same packages, "
                "and the network's own code, on all machines",
                reason=str(error.cause).partition("\n")[0][:200],
            ) from error
        raise  # a bug, with its place in the task
    except RayError as error:
        raise AtlasError(
            "atlas.task-lost",
            "shard {number} was begun {times} times, and its process or machine was lost each time ({reason}); see to "
            "the machines and their memory, and run the command again: it goes on where it was",
            number=number,
            times=RETRIES + 1,
            reason=str(error).strip().partition("\n")[0][:200] or type(error).__name__,
        ) from error
    if isinstance(answer, Exception):
        raise answer
    return int(answer)


def _wait_for(folder: Path, plan: Plan, number: int) -> None:
    """Wait until a shard that a task has written is seen here.

    Raises:
        AtlasError: it is not, or it is damaged.
    """
    end = time.monotonic() + PATIENCE
    while not shard_is_done(folder, plan, number):
        if time.monotonic() > end:
            raise AtlasError(
                "atlas.not-seen",
                "a machine of the cluster has written shard {number}, which is not in {folder} here: all machines "
                "need the same folder under the same path, as on a network file system",
                number=number,
                folder=str(folder),
            )
        time.sleep(0.2)
