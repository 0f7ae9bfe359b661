"""Building an atlas in this process: what is missing is computed, and an interrupted build goes on where it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from cbam_core.arguments import PATH, takes
from cbam_core.atlas.finishing import (
    conclude,
    gathered_parts,
    gathering,
    is_finished,
    projecting_steps,
    remove_atlas,
    remove_leftovers,
    write_images,
)
from cbam_core.atlas.layout import DESCRIPTION
from cbam_core.atlas.plan import Plan, read_plan, write_plan
from cbam_core.atlas.planning import plan_atlas
from cbam_core.atlas.shard_work import blank_shard, compute_part, parts_of
from cbam_core.atlas.shards import Shard, missing_shards, read_rows, write_shard
from cbam_core.data.dataset import DATASET, Dataset, labelled_for
from cbam_core.data.sequences import FittedImages, ImageFiles
from cbam_core.errors import AtlasError
from cbam_core.network import CLASSIFIER, Classifier
from cbam_core.steps import finished
from cbam_core.workers import Pool, check_workers, workers_side_by_side

BuildSteps = Generator[int, None, Path]
"""A build in steps: it yields the number of images that are done, and returns the folder."""

_WAITING = 2
"""Batches of each worker that may wait while a shard is gathered, so that no worker stands still."""


@takes(AtlasError, classifier=CLASSIFIER, dataset=DATASET, folder=PATH)
def build_atlas(
    classifier: Classifier,
    dataset: Dataset,
    folder: str | Path,
    *,
    workers: int | None = None,
    report: Callable[[int], object] = lambda _: None,
    again: bool = False,
) -> Path:
    """Show a network every image of a data set, and store all gates in a folder.

    A build that was interrupted goes on where it was.

    Args:
        classifier: the network; it is not changed.
        dataset: images, with or without labels; of an image of another size, the centre is fitted to the network's
            input. Images that cannot be decoded are marked, and left out of all answers.
        folder: folder of the atlas.
        workers: number of batches that go through the network side by side; None for torch's number of threads.
        report: called after each batch with the number of images done.
        again: whether to remove what an earlier build left in the folder.

    Returns:
        The folder.

    Raises:
        AtlasError: there are no images or no gates; the folder is a file, holds another atlas, or damaged shards, or is
            that of the images; or an image cannot be read now.
        CaptureError, ModelError: as `cbam_core.observing.observe`.
        DataError: two images have one name.
        CbamError: `workers` is less than 1.
        OSError: the folder cannot be written.
    """
    steps = build_steps(classifier, dataset, folder, workers=workers, again=again)
    return finished(steps, report)


def build_steps(
    classifier: Classifier,
    dataset: Dataset,
    folder: str | Path,
    *,
    workers: int | None = 1,
    again: bool = False,
    shard_size: int | None = None,
) -> BuildSteps:
    """Build an atlas in steps; arguments as `build_atlas`, and `shard_size` as `planning.plan_atlas`.

    With one worker, nothing is set while no step is done.

    Yields:
        Number of images that are done, after each batch; that of all images while the tables are made.
    """
    if workers is not None:
        check_workers(workers)
    place = Path(folder)
    images = labelled_for(dataset, classifier.classes)
    plan = begin_atlas(classifier, images, place, again=again, shard_size=shard_size)
    missing = missing_shards(place, plan)
    done = plan.count - sum(plan.rows(number).stop - plan.rows(number).start for number in missing)
    yield done
    if not missing and is_finished(place, plan):
        remove_leftovers(place)
        return place
    with _pool(workers) as pool, pool.one_after_another() as write, pool.one_after_another() as beside:
        with gathering(place, plan) as gathered:
            with (
                pool.one_after_another() as gather,
                closing(_computed(classifier, images, plan, missing, pool)) as computed,
            ):
                for number in range(plan.shards):
                    if number not in missing:
                        gather(partial(gathered.add, read_rows(place, plan, number)))
                        continue
                    awaited = deque(gathered_parts(plan.size(number)))
                    for shard, part in islice(computed, len(parts_of(classifier, plan, number))):
                        done += part.stop - part.start
                        shown = part.stop - plan.rows(number).start
                        if shown == len(shard):
                            write(partial(write_shard, place, plan, shard))
                        while awaited and shown >= awaited[0].stop:
                            gather(partial(gathered.add_part, shard.rows_of(awaited.popleft())))
                        yield done
            beside(gathered.find_axes)  # while the files of rows reach the disk
        beside(partial(write_images, place, gathered))
        for _ in projecting_steps(place, plan, gathered):
            yield done
    conclude(place, plan, gathered)
    return place


def begin_atlas(
    classifier: Classifier, dataset: Dataset, folder: Path, *, again: bool = False, shard_size: int | None = None
) -> Plan:
    """Plan an atlas, and write its description into a folder, or check the one that is there, and keep its shards.

    Args:
        classifier: the network.
        dataset: images, their labels numbered as the network's classes where it knows them.
        folder: folder of the atlas.
        again: whether to remove what an earlier build left in the folder.
        shard_size: number of images that are stored together; None for `planning.images_in_shard`.

    Raises:
        AtlasError: as `plan_atlas`; or the folder is a file, holds another atlas, or is that of the images.
        OSError: the folder cannot be written.
    """
    _check_folder(folder)
    _check_outside(dataset, folder)
    plan = plan_atlas(classifier, dataset, shard_size=shard_size)
    if again:
        remove_atlas(folder)
    elif (folder / DESCRIPTION).exists():
        there = read_plan(folder)
        plan = replace(plan, shard_size=there.shard_size, across=there.across)
        _check_same(there, plan, folder)
        return plan
    write_plan(folder, plan)
    return plan


def _check_folder(folder: Path) -> None:
    """Check that a folder is there or can be made, before anything is computed.

    Raises:
        AtlasError: it is a file, or lies in one.
    """
    file = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    if file is not None:
        raise AtlasError(
            "atlas.file-in-place",
            "an atlas needs a folder of its own, and {file} is a file: name another folder",
            file=str(file),
        )


def _check_outside(dataset: Dataset, folder: Path) -> None:
    """Check that an atlas does not lie in the folder of its images, where its small pictures would be among them.

    Raises:
        AtlasError: it would.
    """
    images = dataset.images.originals if isinstance(dataset.images, FittedImages) else dataset.images
    root = images.root if isinstance(images, ImageFiles) else None
    if root is not None and folder.resolve().is_relative_to(root.resolve()):
        raise AtlasError(
            "atlas.among-images",
            "the atlas would lie in the folder of its images, {root}, and its small pictures among them: choose a "
            "folder elsewhere with --out",
            root=str(root),
        )


def _check_same(there: Plan, plan: Plan, folder: Path) -> None:
    """Check that a folder holds a part of the atlas that is asked for.

    Raises:
        AtlasError: it holds another one.
    """
    if there.digest == plan.digest:
        return
    if there.network.digest != plan.network.digest:
        raise AtlasError(
            "atlas.other-network",
            "{folder} holds an atlas of another network or of other weights, {name}: build into another folder, or "
            "replace it with --again",
            folder=str(folder),
            name=there.network.name or there.network.kind,
        )
    if there.images != plan.images:
        raise AtlasError(
            "atlas.other-images",
            "{folder} holds an atlas of other images, {title}, or they were changed: build into another folder, or "
            "replace it with --again",
            folder=str(folder),
            title=there.images.title,
        )
    if (there.program, there.torch) != (plan.program, plan.torch):
        raise AtlasError(
            "atlas.other-version",
            "{folder} was built with version {program} of this program and {torch} of torch: build into another "
            "folder, or replace it with --again",
            folder=str(folder),
            program=there.program,
            torch=there.torch,
        )
    raise AtlasError(
        "atlas.other-preparation",
        "{folder} holds an atlas with other preprocessing of images, or other gates: build into another folder, or "
        "replace it with --again",
        folder=str(folder),
    )


def _computed(
    classifier: Classifier, dataset: Dataset, plan: Plan, numbers: list[int], pool: Pool
) -> Generator[tuple[Shard, slice], None, None]:
    """Compute some shards batch by batch, several side by side; yield each shard with its next images, in order."""
    parts = (
        (shard, rows)
        for shard in (blank_shard(dataset, plan, number) for number in numbers)
        for rows in parts_of(classifier, plan, shard.number)
    )

    def computed(part: tuple[Shard, slice]) -> tuple[Shard, slice]:
        shard, rows = part
        with workers_side_by_side() if pool.workers == 1 else nullcontext():
            compute_part(classifier, dataset, plan, rows, shard)
        return part

    return pool.in_order(computed, parts, waiting=_WAITING * pool.workers)


@contextmanager
def _pool(workers: int | None) -> Iterator[Pool]:
    """Have torch compute with one thread in each of several workers; set nothing for one."""
    if workers == 1:
        yield Pool(1)
        return
    with workers_side_by_side() as threads, Pool(workers or threads) as pool:
        yield pool
