"""What an atlas holds: the plan that decides it, and its description in ``atlas.json``. Free of torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.layout import DESCRIPTION
from cbam_core.errors import AtlasError
from cbam_core.files import write_atomically

FORMAT = 1
"""Version of the files of an atlas."""

SHARD_SIZE = 1024
"""Images of one shard, but for the last one, unless told; see `planning.images_in_shard`."""

LARGEST_SIDE = 64
"""Largest side of a thumbnail in pixels."""

ACROSS = 32
"""Thumbnails in one row of a sheet."""

LARGEST_GATE = 16_384
"""Most values of one gate for one image: a mask of 128 x 128. Larger gates are left out, and named in the atlas."""

FIXED_COLUMNS = ("index", "id", "ok", "label", "answer", "confidence")
"""First columns of a shard, before logits and gates."""


@dataclass(frozen=True)
class NetworkFacts:
    """Which network an atlas is of, and how images were prepared for it.

    Attributes:
        name: name on pages and in files.
        digest: digest of the network's file, or of its weights if it has none.
        kind: registered name of the network, or the class of its module.
        classes: names of the K classes; () for a network that is no classifier.
        input_size: (width, height) in pixels.
        mean: mean of each channel for normalisation.
        std: standard deviation of each channel.
        crop_share: share of the sides of the centred box that is taken of an image.
        sigmoids: whether the network ends in a sigmoid for each class, so that probabilities are those of its logits.
    """

    name: str
    digest: str
    kind: str
    classes: tuple[str, ...]
    input_size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_share: float
    sigmoids: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values; what is so of most networks, and was of all earlier ones, is left out."""
        facts = asdict(self)
        return facts if self.sigmoids else {key: value for key, value in facts.items() if key != "sigmoids"}


@dataclass(frozen=True)
class ImageSetFacts:
    """Which images an atlas is of.

    Attributes:
        title: name of the set and its split, such as ``"cifar10:test"``.
        count: number of images, N.
        classes: names of the classes that labels are indices into; () without labels.
        listing: SHA-256 of the images' ids, labels, and sizes or pixels.
        corruption: what was done to the images, such as ``"blur:3"``; "" for nothing.
    """

    title: str
    count: int
    classes: tuple[str, ...]
    listing: str
    corruption: str = ""


@dataclass(frozen=True)
class Plan:
    """Everything that decides what an atlas holds, independent of its folder; picklable and free of torch.

    Attributes:
        network: the network.
        images: the images.
        gates: gates in order of execution; their columns follow each other.
        left_out: names of gates that are larger than `LARGEST_GATE`.
        side: side of a thumbnail in pixels.
        program: version of this program.
        torch: version of torch.
        shard_size: images of one shard, but for the last one.
        across: thumbnails in one row of a sheet.
    """

    network: NetworkFacts
    images: ImageSetFacts
    gates: tuple[AtlasGate, ...]
    left_out: tuple[str, ...]
    side: int
    program: str
    torch: str
    shard_size: int = SHARD_SIZE
    across: int = ACROSS

    @property
    def count(self) -> int:
        """Number of images, N."""
        return self.images.count

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.count // self.shard_size)

    @property
    def width(self) -> int:
        """Number of values of all gates for one image, D."""
        return sum(gate.size for gate in self.gates)

    @property
    def classes(self) -> int:
        """Number of logits, K."""
        return len(self.network.classes)

    @cached_property
    def gate_columns(self) -> list[str]:
        """Names of the D columns of gates."""
        return [name for gate in self.gates for name in gate.column_names]

    @cached_property
    def columns(self) -> list[str]:
        """Names of all columns of a shard."""
        return [*FIXED_COLUMNS, *(f"logit[{k}]" for k in range(self.classes)), *self.gate_columns]

    def rows(self, number: int) -> slice:
        """Return which images of the set a shard holds."""
        return slice(number * self.shard_size, min((number + 1) * self.shard_size, self.count))

    def size(self, number: int) -> int:
        """Return the number of images of a shard."""
        return len(range(*self.rows(number).indices(self.count)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the description, in hexadecimal: the fingerprint that every shard carries."""
        text = json.dumps(self._described(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready values, with the digest: the contents of ``atlas.json``."""
        return {**self._described(), "digest": self.digest}

    def _described(self) -> dict[str, Any]:
        described = {
            "format": FORMAT,
            "program": self.program,
            "torch": self.torch,
            "network": self.network.as_dict(),
            "images": asdict(self.images),
            "shard_size": self.shard_size,
            "thumbnails": {"side": self.side, "across": self.across},
            "gates": [gate.as_dict() for gate in self.gates],
            "left_out": self.left_out,
        }
        plain: dict[str, Any] = json.loads(json.dumps(described, allow_nan=False))
        return plain

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Plan:
        """Read what `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is not that of an atlas of this format, or its digest is another one.
        """
        network, images = given["network"], given["images"]
        plan = cls(
            network=NetworkFacts(**{key: _tuple(value) for key, value in network.items()}),
            images=ImageSetFacts(**{key: _tuple(value) for key, value in images.items()}),
            gates=tuple(AtlasGate.from_dict(gate) for gate in given["gates"]),
            left_out=tuple(given["left_out"]),
            side=int(given["thumbnails"]["side"]),
            program=str(given["program"]),
            torch=str(given["torch"]),
            shard_size=int(given["shard_size"]),
            across=int(given["thumbnails"]["across"]),
        )
        if plan.digest != given["digest"]:
            raise ValueError("the digest is not that of the description")
        if not _is_sound(plan):
            raise ValueError("its numbers do not fit each other")
        return plan


def _is_sound(plan: Plan) -> bool:
    """Check that the numbers of a description fit each other, and that its names are text."""
    facts, images, gates = plan.network, plan.images, plan.gates
    firsts = list(accumulate((gate.size for gate in gates), initial=0))[:-1]
    sides = (plan.shard_size, plan.across, plan.side, *(side for gate in gates for side in gate.shape))
    names = (facts.name, facts.kind, images.title, images.corruption, *facts.classes, *images.classes, *plan.left_out)
    return (
        all(isinstance(name, str) for name in names)
        and isinstance(images.count, int)
        and images.count >= 0
        and min(sides) > 0
        and plan.side <= LARGEST_SIDE
        and [gate.first for gate in gates] == firsts
        and len({gate.name for gate in gates}) == len(gates)
    )


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def write_plan(folder: Path, plan: Plan) -> None:
    """Write the description of an atlas, complete or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    text = json.dumps(plan.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(folder / DESCRIPTION, lambda file: file.write(text.encode()))


def read_plan(folder: Path) -> Plan:
    """Read the description of an atlas.

    Raises:
        AtlasError: there is none, it is damaged, or of another format.
    """
    path = folder / DESCRIPTION
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AtlasError(
            "atlas.none",
            "there is no atlas in {folder}: {file} is missing or cannot be read ({reason}); build one with "
            "`cbam atlas build --out {folder}`",
            folder=str(folder),
            file=DESCRIPTION,
            reason=error.strerror or type(error).__name__,
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if isinstance(given, dict) and given.get("format") not in (None, FORMAT):
        raise AtlasError(
            "atlas.other-format",
            "{path} is of format {given}, and this program reads format {expected}; build the atlas again, or use "
            "the version of the program that built it",
            path=str(path),
            given=str(given["format"])[:20],
            expected=FORMAT,
        )
    try:
        return Plan.from_dict(given)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> AtlasError:
    return AtlasError(
        "atlas.damaged-description",
        "{path} does not describe an atlas, or was changed; build the atlas again, with --again",
        path=str(path),
    )
