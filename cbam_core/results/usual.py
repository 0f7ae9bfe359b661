"""Usual values of a gate: its mean over a reference set, and the parts of its variance.

The values g[n, s] of a gate, for image n of N and cell s of S (a channel, a position, or an element), vary for three
reasons, as in an analysis of variance of two factors without repetition (R. A. Fisher, *Statistical Methods for
Research Workers*, 1925). With m the mean of all values, m[n] that of an image and m[s] that of a cell:

    g[n, s] - m = (m[s] - m) + (m[n] - m) + (g[n, s] - m[s] - m[n] + m)
                  fixed pattern  image gain   image pattern

The squares of the three parts add up to those of the whole, so their shares of the variance add up to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float32

from cbam_core.errors import DataError, Message
from cbam_core.files import beside
from cbam_core.results.arrays import read_arrays, write_arrays
from cbam_core.results.kinds import AXES, Kind, as_kind

SUFFIX = ".usual.npz"
"""Ending of the name of a file of usual gates; it starts like that of its checkpoint."""

LARGEST = 50_000_000
"""Largest unpacked size of a file in bytes; those of the shipped networks have less than 100,000."""

MOST = 0.6
"""Smallest share of the variance by which one part describes a gate."""

NEARLY = 0.9
"""Smallest share of the fixed pattern of a gate that is called the same for every image, and not mostly the same."""

OFF = 0.01
"""Largest distance from 0.5, as a root mean square, of a gate that is off: its values are shown as 0.50."""

STEADY = 0.01
"""Largest deviation between images, as a share of the gate's mean, of a gate that is the same for every image."""


@dataclass(frozen=True)
class Shares:
    """Shares of a gate's variance over cells and images, each in [0, 1]; they add up to 1.

    Attributes:
        fixed: share of the pattern that is the same for every image.
        gain: share of one number for each image, by which all its values are higher or lower.
        pattern: share of the pattern that differs between images.
    """

    fixed: float
    gain: float
    pattern: float


@dataclass(frozen=True, eq=False)
class UsualGate:
    """Statistics of one gate over the images of a reference set.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``.
        kind: axes along which it differs, see `cbam_core.results.kinds`.
        call: number of this call of the gate in a forward, from 1.
        mean: mean of each value over the images, float32 along the axes of its kind.
        deviation: standard deviation of each value over the images, of the same shape.
        variance: variance of all values, over cells and images.
        shares: shares of the parts of this variance.
        count: number of images, N.
        images: name of the images, such as ``"cifar10:train"`` or that of a folder.
    """

    name: str
    kind: Kind
    call: int
    mean: Float32[np.ndarray, ...]
    deviation: Float32[np.ndarray, ...]
    variance: float
    shares: Shares
    count: int
    images: str

    @cached_property
    def level(self) -> float:
        """Mean of all values."""
        return float(self.mean.mean(dtype=np.float64))

    @property
    def sentence(self) -> Message:
        """Description of the gate, by thresholds that are the same for every gate: `OFF`, `STEADY`, `NEARLY`, `MOST`.

        It does not tell whether the gate matters for the prediction.
        """
        code = self._does
        values = {"percent": round(100 * self.shares.fixed)} if "{percent}" in HABIT_WORDS[code] else {}
        return Message(code, HABIT_WORDS[code], values)

    @property
    def follows_image(self) -> bool:
        """Whether most of the gate's variance is a pattern that differs between images."""
        return self._does in _FOLLOWS.values()

    @cached_property
    def _does(self) -> str:
        """Return the key of the gate's description."""
        if self.variance + (self.level - 0.5) ** 2 <= OFF**2:
            return "usual.off"
        if self.variance * (1 - self.shares.fixed) <= (STEADY * self.level) ** 2:
            return "usual.steady"
        if self.shares.fixed >= MOST:
            return "usual.fixed" if self.shares.fixed >= NEARLY else "usual.mostly"
        if self.shares.gain >= MOST:
            return "usual.gain"
        return _FOLLOWS[self.kind] if self.shares.pattern >= MOST else "usual.mixed"


HABIT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "usual.off": "off: 0.50 everywhere, as an untrained gate",
        "usual.steady": "the same for every image (within 1 %)",
        "usual.fixed": "the same for every image ({percent} % fixed)",
        "usual.mostly": "mostly the same for every image ({percent} % fixed)",
        "usual.gain": "one number an image: how strong",
        "usual.channels": "follows the image: which channels",
        "usual.where": "follows the image: where",
        "usual.both": "follows the image: where and which channels",
        "usual.mixed": "mixed",
    }
)
"""Descriptions of gates, by their codes."""

_FOLLOWS: Mapping[Kind, str] = MappingProxyType(
    {
        "channel": "usual.channels",
        "spatial": "usual.where",
        "full": "usual.both",
        "row": "usual.both",
        "column": "usual.both",
    }
)


@dataclass(frozen=True)
class NotFinite:
    """For which images a gate was NaN or infinite.

    Attributes:
        gate: name of the gate.
        count: number of these images.
        number: number of the first one in its set, from 0.
        image: its name there, such as ``"cat/17.jpg"``.
    """

    gate: str
    count: int
    number: int
    image: str

    def __str__(self) -> str:
        return f"{self.gate} for {self.count:,} (first {self.image}, number {self.number:,} from 0)"


@dataclass(frozen=True, eq=False)
class Usual:
    """Usual values of every gate of a network.

    Attributes:
        gates: gates in order of execution.
        count: number of images, N.
        images: name of the images, such as ``"cifar10:train"`` or that of a folder.
        digest: SHA-256 of the network's weights file; "" for a network without a file.
        not_finite: names of the gates that have no usual values, because they were not finite for every image.
        not_finite_for: for which images they were not, where that is known.
    """

    gates: tuple[UsualGate, ...]
    count: int
    images: str
    digest: str = ""
    not_finite: tuple[str, ...] = ()
    not_finite_for: tuple[NotFinite, ...] = ()
    _by_name: Mapping[str, UsualGate] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {gate.name: gate for gate in self.gates})

    def gate(self, name: str) -> UsualGate | None:
        """Return the gate of a name; None where there is none."""
        return self._by_name.get(name)


def usual_path(checkpoint: Path) -> Path:
    """Return the path of a checkpoint's usual gates: ``net.usual.npz`` beside ``net.safetensors``."""
    return beside(checkpoint, SUFFIX)


def write_usual(usual: Usual, path: Path) -> None:
    """Write usual gates, complete or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    arrays: dict[str, np.ndarray] = {
        "names": np.array([gate.name for gate in usual.gates], dtype=np.str_),
        "kinds": np.array([gate.kind for gate in usual.gates], dtype=np.str_),
        "calls": np.array([gate.call for gate in usual.gates], dtype=np.int64),
        "variance": np.array([gate.variance for gate in usual.gates], dtype=np.float64),
        "shares": np.array(
            [(gate.shares.fixed, gate.shares.gain, gate.shares.pattern) for gate in usual.gates], dtype=np.float64
        ).reshape(-1, 3),
        "count": np.array(usual.count),
        "images": np.array(usual.images),
        "digest": np.array(usual.digest),
    }
    if usual.not_finite:
        arrays["not_finite"] = np.array(usual.not_finite, dtype=np.str_)
    if usual.not_finite_for:
        arrays["not_finite_for"] = np.array([(one.gate, one.image) for one in usual.not_finite_for], dtype=np.str_)
        arrays["not_finite_numbers"] = np.array([(one.count, one.number) for one in usual.not_finite_for], np.int64)
    for place, gate in enumerate(usual.gates):
        arrays |= {f"mean:{place}": gate.mean, f"deviation:{place}": gate.deviation}
    write_arrays(path, arrays)


def read_usual(path: Path) -> Usual:
    """Read usual gates; their arrays are read-only.

    Raises:
        DataError: the file is missing, damaged, or has other contents.
    """
    try:
        return _from_arrays(read_arrays(path, largest=LARGEST))
    except (DataError, OSError, ValueError, KeyError, TypeError, OverflowError) as error:  # from ValueError on: misfits
        raise DataError(
            "usual.unreadable", "{path} does not hold the usual gates of a network; create it again", path=str(path)
        ) from error


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> Usual:
    count, images = int(arrays["count"].item()), str(arrays["images"].item())
    not_finite = tuple(map(str, arrays["not_finite"].tolist())) if "not_finite" in arrays else ()
    digest = str(arrays["digest"].item())
    return Usual(tuple(_gates(arrays, count, images)), count, images, digest, not_finite, tuple(_lacking(arrays)))


def _lacking(arrays: Mapping[str, np.ndarray]) -> Iterable[NotFinite]:
    if "not_finite_for" in arrays:
        names, numbers = arrays["not_finite_for"].tolist(), arrays["not_finite_numbers"].tolist()
        for (gate, image), (count, number) in zip(names, numbers, strict=True):
            yield NotFinite(str(gate), int(count), int(number), str(image))


def _gates(arrays: Mapping[str, np.ndarray], count: int, images: str) -> Iterable[UsualGate]:
    columns = (arrays[name].tolist() for name in ("names", "kinds", "calls", "variance", "shares"))
    for place, (name, kind, call, variance, shares) in enumerate(zip(*columns, strict=True)):
        mean, deviation = arrays[f"mean:{place}"], arrays[f"deviation:{place}"]
        gate = UsualGate(
            name=str(name),
            kind=as_kind(kind),
            call=int(call),
            mean=mean,
            deviation=deviation,
            variance=float(variance),
            shares=Shares(*map(float, shares)),
            count=count,
            images=images,
        )
        _check(gate)
        yield gate


def _check(gate: UsualGate) -> None:
    """Check that a gate's arrays and numbers can be those of a gate.

    Raises:
        ValueError: they cannot.
    """
    for values in (gate.mean, gate.deviation):
        if values.dtype.kind != "f" or values.itemsize != 4 or not np.isfinite(values).all():
            raise ValueError(f"the values of {gate.name} are not finite float32 numbers")
    if not gate.mean.size or gate.mean.ndim != len(AXES[gate.kind]) or gate.mean.shape != gate.deviation.shape:
        raise ValueError(f"the values of {gate.name} do not fit")
    if not 0 <= gate.variance < np.inf or not all(0 <= share <= 1 for share in astuple(gate.shares)):
        raise ValueError(f"the variance of {gate.name} or its shares are out of range")
