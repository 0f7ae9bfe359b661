"""Building an atlas by processes that a launcher numbers, as `torchrun` and Slurm's `srun` do; none talks to another.

Each rank computes its own missing shards in a folder that all of them see. Whoever finds all shards there makes the
tables; what a rank left that was killed, the next start completes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cbam_core.atlas.building import begin_atlas
from cbam_core.atlas.finishing import finish
from cbam_core.atlas.shard_work import compute_shard
from cbam_core.atlas.shards import missing_shards, write_shard
from cbam_core.data.dataset import Dataset, labelled_for
from cbam_core.errors import AtlasError
from cbam_core.network import Classifier

_NAMES = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"))
"""Variables of `torchrun`, and of a step that `srun` started; the script of a Slurm job has the first of them alone."""


@dataclass(frozen=True)
class Rank:
    """Which process of several this is.

    Attributes:
        number: its number, from 0.
        count: number of processes.

    Raises:
        AtlasError: there is no process of this number.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count:
            raise _odd(str(self.number), str(self.count))

    def has(self, shard: int) -> bool:
        """Check that a shard is this rank's."""
        return shard % self.count == self.number


def read_rank(environment: Mapping[str, str]) -> Rank | None:
    """Read which process a launcher says that this is; None where it is the only one.

    Args:
        environment: environment variables, such as `os.environ`.

    Raises:
        AtlasError: the variables are not numbers, or name a process that does not exist.
    """
    for number, count in _NAMES:
        if number not in environment or count not in environment:
            continue
        try:
            rank = Rank(int(environment[number]), int(environment[count]))
        except ValueError:
            raise _odd(environment[number], environment[count]) from None
        return rank if rank.count > 1 else None
    return None


def _odd(number: str, count: str) -> AtlasError:
    return AtlasError(
        "atlas.odd-rank",
        "process {number} of {count} cannot be: ranks are numbered from 0; start them with torchrun or srun, or unset "
        "RANK and WORLD_SIZE",
        number=number[:20],
        count=count[:20],
    )


def build_share(
    classifier: Classifier,
    dataset: Dataset,
    folder: str | Path,
    rank: Rank,
    *,
    report: Callable[[int, int], object] = lambda *_: None,
) -> int:
    """Compute one rank's share of an atlas, and finish the atlas if nothing is missing then.

    Args:
        classifier: the network; it is not changed.
        dataset: images; see `cbam_core.atlas.building.build_atlas`.
        folder: folder of the atlas, which all ranks see under this path.
        rank: which process this is.
        report: called after each shard with the number of this rank's images done, and of all that are its.

    Returns:
        Number of shards that are missing: 0 if the atlas is finished, else what other ranks are computing.

    Raises:
        AtlasError, CaptureError, ModelError, OSError: as `cbam_core.atlas.building.build_atlas`.
    """
    place = Path(folder)
    images = labelled_for(dataset, classifier.classes)
    plan = begin_atlas(classifier, images, place)
    missing = list(filter(rank.has, missing_shards(place, plan)))
    total = sum(map(plan.size, filter(rank.has, range(plan.shards))))
    done = total - sum(map(plan.size, missing))
    for number in missing:
        report(done, total)
        write_shard(place, plan, compute_shard(classifier, images, plan, number))
        done += plan.size(number)
    report(done, total)
    left = missing_shards(place, plan)
    if not left:
        finish(place, plan)
    return len(left)
