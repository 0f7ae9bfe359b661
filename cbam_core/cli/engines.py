"""Who computes the shards of ``cbam atlas build``: this process, tasks on Ray, or ranks of a launcher."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.interrupts import ended_as_interrupted
from cbam_core.cli.output import counted, progress_bar, say

if TYPE_CHECKING:
    from cbam_core.atlas.ranks import Rank
    from cbam_core.data.dataset import Dataset
    from cbam_core.network import Classifier


@dataclass(frozen=True)
class Engine:
    """What a command line says about who computes.

    Attributes:
        workers: batches or processes side by side; None for one for each core.
        ray: address of a cluster of Ray; None without.
        gpus: GPUs of a task on Ray.
        again: whether to remove what an earlier build left.
    """

    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Batches side by side.", show_default="one for each core"),
    ] = None
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Have tasks on Ray compute: local (processes of this machine alone), auto (the cluster that this "
            "machine belongs to), or host and port of its head. All machines need the same folder.",
        ),
    ] = None
    gpus: Annotated[
        float,
        typer.Option(min=0, metavar="N", help="GPUs for each task on Ray, such as 1 or 0.25."),
    ] = 0.0
    again: Annotated[
        bool, typer.Option("--again", help="Replace the atlas that is in the folder, instead of going on with it.")
    ] = False

    def check(self) -> None:
        """Check that the options go together.

        Raises:
            typer.BadParameter: they do not.
        """
        if self.gpus and self.ray is None:
            raise typer.BadParameter("--gpus is for tasks on Ray; name a cluster with --ray")
        if self.workers is not None and self.ray not in {None, "local"}:
            raise typer.BadParameter("a cluster has its own processors; leave --workers out")


def build(classifier: Classifier, dataset: Dataset, folder: Path, engine: Engine) -> bool:
    """Build an atlas, or the share of this rank; return whether the atlas is finished.

    Raises:
        AtlasError, CaptureError, ModelError, OSError: as `cbam_core.atlas.building.build_atlas`.
        typer.BadParameter: the options do not go with a launcher of ranks.
    """
    from cbam_core.atlas.ranks import read_rank

    rank = read_rank(os.environ)
    try:
        with ended_as_interrupted():
            if rank is not None:
                return _build_share(classifier, dataset, folder, engine, rank)
            _build_whole(classifier, dataset, folder, engine)
    except KeyboardInterrupt:
        say(f"interrupted; run the same command again to go on with {folder}")
        raise
    return True


def _build_whole(classifier: Classifier, dataset: Dataset, folder: Path, engine: Engine) -> None:
    with progress_bar("{task.completed}/{task.total}") as progress:
        task = progress.add_task("building", total=len(dataset))

        def report(done: int) -> None:
            progress.update(task, completed=done)

        if engine.ray is None:
            from cbam_core.atlas.building import build_atlas

            build_atlas(classifier, dataset, folder, workers=engine.workers, again=engine.again, report=report)
            return
        from cbam_core.atlas.cluster import build_on_ray

        build_on_ray(
            classifier,
            dataset,
            folder,
            engine.ray,
            workers=engine.workers,
            gpus=engine.gpus,
            again=engine.again,
            report=report,
        )


def _build_share(classifier: Classifier, dataset: Dataset, folder: Path, engine: Engine, rank: Rank) -> bool:
    """Compute the share of one rank; the first one shows its progress."""
    from cbam_core.atlas.ranks import build_share

    if engine.ray is not None or engine.again:
        raise typer.BadParameter(
            f"this is process {rank.number} of {rank.count} of torchrun or srun; leave --ray and --again out, and "
            "remove another atlas from the folder before"
        )
    with progress_bar("{task.completed}/{task.total}") as progress:
        task = progress.add_task("building", total=None, visible=rank.number == 0)
        left = build_share(
            classifier,
            dataset,
            folder,
            rank,
            report=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if left:
        say(
            f"process {rank.number} of {rank.count} is done; {counted(left, 'shard')} of others are missing so far: if "
            "they end without them, run the same command again"
        )
    return left == 0
