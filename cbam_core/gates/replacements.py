"""What a gate can be replaced by: pure functions of the gate as it is, and of its usual values.

Each replacement asks its own question, and its docstring says which, and what its answer is no evidence of. The first
to ask is `Usual`: it takes away what the gate says about this image, and leaves what it does to every image. `Off` also
changes the scale of the feature map, which no later layer was trained for, so that a large effect of it says little.

Anything else that takes a `Target` and returns its values can be a replacement too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.results.kinds import AXES, Kind


@dataclass(frozen=True, eq=False)
class Target:
    """A gate that is about to be replaced, in one forward.

    Attributes:
        name: name of the gate, such as ``"cbam1.channel"``; ``"cbam1#2.channel"`` at its second call.
        kind: axes along which it differs, see `cbam_core.results.kinds`.
        values: its values for every image of the batch, in the smallest form: (B, *axes).
        usual: usual values (*axes), float32; None where they are unknown.
        scale, shift: the feature map is multiplied by ``scale * values + shift``.
    """

    name: str
    kind: Kind
    values: Float[Tensor, " b *axes"]
    usual: Float32[np.ndarray, ...] | None = None
    scale: float = 1.0
    shift: float = 0.0

    @property
    def axes(self) -> str:
        """Axes of one image's values, such as ``"HW"``."""
        return AXES[self.kind]

    def full_of(self, number: float) -> Float[Tensor, " b *axes"]:
        """Make values that are all one number."""
        return torch.full_like(self.values, number)

    def fitted(self, values: np.ndarray) -> Float[Tensor, " _ *axes"]:
        """Convert one image's values, or those of the whole batch, to the type and device of the gate's.

        Raises:
            EditError: they do not have the gate's shape.
        """
        shape = tuple(self.values.shape)
        if values.shape not in ((), shape[1:], shape):
            raise EditError(
                "edit.shape",
                "gate {gate} has values of shape {expected} for one image; given {given}",
                gate=self.name,
                expected=str(shape[1:]),
                given=str(values.shape),
            )
        return torch.tensor(values, dtype=self.values.dtype, device=self.values.device).expand(shape)


class Replacement(ABC):
    """A function of a gate that returns the values to use in its place.

    Attributes:
        code: stable name of what it does, for programs and files.
    """

    code: ClassVar[str]

    def __call__(self, gate: Target) -> Float[Tensor, " b *axes"]:
        """Return the values that replace the gate's, of the same shape.

        Raises:
            EditError: the gate cannot be replaced in this way.
        """
        return self._replace(gate)

    @abstractmethod
    def _replace(self, gate: Target) -> Tensor: ...


AnyReplacement = Replacement | Callable[[Target], Tensor]


@dataclass(frozen=True)
class AsIs(Replacement):
    """The gate itself: a control, which must not change a bit of the output."""

    code: ClassVar[str] = "as_is"

    def _replace(self, gate: Target) -> Tensor:
        return gate.values


@dataclass(frozen=True, eq=False)
class Usual(Replacement):
    """The usual values of the gate: its mean over a reference set, cell by cell.

    Question: does the answer depend on what the gate does for *this* image? The usual level and the usual pattern stay,
    so that later layers get features of the size that they were trained for.

    No evidence that the gate is useless: a fixed pattern can be needed, and it is still there.

    Args:
        values: the usual values, of the gate's shape; None for those of the network's reference set.
    """

    code: ClassVar[str] = "usual"
    values: Any = None

    def __post_init__(self) -> None:
        _own(self, self.values, bounded=False)

    def _replace(self, gate: Target) -> Tensor:
        return gate.fitted(_usual(gate, self.values))


@dataclass(frozen=True, eq=False)
class UsualLevel(Replacement):
    """One number, the mean of the gate's usual values, at every cell or channel of every image.

    Question: is any pattern needed, whether of this image or fixed? Compared with `Usual`, the fixed pattern goes too.

    No evidence about attention to the image: what is lost beyond `Usual` is a constant that training could have put
    into the next layer's weights.

    Args:
        level: the number; None for that of the network's reference set.
    """

    code: ClassVar[str] = "usual_level"
    level: Any = None

    def __post_init__(self) -> None:
        if self.level is not None:
            _check_number(self.level)

    def _replace(self, gate: Target) -> Tensor:
        return gate.full_of(float(_usual(gate).mean(dtype=np.float64) if self.level is None else self.level))


@dataclass(frozen=True)
class OwnMean(Replacement):
    """The mean over positions of the gate's own values for this image: how strong stays, where goes.

    Question: does it matter *where* the mask is high, or only how strong it is for this image? Of a gate that differs
    along channels as well, each channel keeps its own mean.

    For masks only: the mean over channels would also take away which channels are needed for any image at all, which
    says nothing about this one.
    """

    code: ClassVar[str] = "own_mean"

    def _replace(self, gate: Target) -> Tensor:
        positions = _positions(gate)
        if not positions:
            raise EditError(
                "edit.no-positions",
                "gate {gate} has no positions to take a mean over: its own mean would destroy a pattern of channels "
                "that every image needs; use Usual or OtherImage",
                gate=gate.name,
            )
        return gate.values.mean(dim=positions, keepdim=True).expand(gate.values.shape)


@dataclass(frozen=True, eq=False)
class Borrowed(Replacement):
    """The gate as the network computed it for another image.

    Question: would another image's attention do as well? Level, spread and pattern are those of a real gate, so that
    nothing but the wrong image is special about it.

    No evidence from one donor alone: it can be like this image, or unlike it by chance. A donor of the same class keeps
    what the gate says about the class.

    Args:
        source: where the other image's gates are: a record of `capture`, an explanation, or values by name of gate.
        index: which image of the record's batch, from 0.
    """

    code: ClassVar[str] = "other"
    source: Any = field(repr=False)
    index: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", _gates_of(self.source, self.index))

    def _replace(self, gate: Target) -> Tensor:
        if gate.name not in self.source:
            raise EditError(
                "edit.not-in-donor",
                "the other image has no gate {gate}; it has {known}",
                gate=gate.name,
                known=listed(self.source),
            )
        return gate.fitted(self.source[gate.name])


@dataclass(frozen=True)
class OtherImage(Replacement):
    """The gate of another image of the same batch.

    Question and limits are those of `Borrowed`, over a whole data set: every image gets the gate of another.

    Args:
        order: for each image of the batch, the index of the image whose gate it gets; None for the one before it.
    """

    code: ClassVar[str] = "other"
    order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.order is not None:
            object.__setattr__(self, "order", tuple(map(int, self.order)))

    def _replace(self, gate: Target) -> Tensor:
        count = len(gate.values)
        if self.order is None:
            if count == 1:
                raise EditError(
                    "edit.no-other-image",
                    "this batch has one image, so that none can lend it gate {gate}: give a larger batch, or Borrowed",
                    gate=gate.name,
                )
            return gate.values.roll(1, 0)
        if len(self.order) != count or not all(0 <= index < count for index in self.order):
            raise EditError(
                "edit.order",
                "an order of images names one of {count} images for each of them; given {given}",
                count=count,
                given=str(self.order)[:60],
            )
        return gate.values[list(self.order)]


@dataclass(frozen=True)
class SameClass(Replacement):
    """The gate of another image of the same batch and class.

    Question: is it the class that matters in the gate, or the single image? Where `OtherImage` costs much and this
    little, the gate carries the class.

    No evidence that the gate *finds* the class: it can repeat what the feature map knows already.

    Args:
        labels: class of each image of the batch. An image that is alone in its class keeps its own gate.
        seed: seed of the drawing of donors.
    """

    code: ClassVar[str] = "same_class"
    labels: tuple[int, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(map(int, self.labels)))

    def _replace(self, gate: Target) -> Tensor:
        return OtherImage(self.order())(gate)

    def order(self) -> tuple[int, ...]:
        """Draw a donor for each image: within a class, each image is the donor of exactly one other."""
        labels, random = np.array(self.labels, dtype=np.int64), np.random.default_rng(self.seed)
        order = np.arange(len(labels))
        for label in np.unique(labels):
            members = random.permutation(np.flatnonzero(labels == label))
            order[members] = np.roll(members, 1)
        return tuple(order.tolist())


@dataclass(frozen=True, eq=False)
class BestConstant(Replacement):
    """The constant with which the network does best, found beforehand on a reference set.

    Question: how good could the network be if the gate said the same for every image? What remains is the least that
    following the image is worth, in this network as it was trained.

    No evidence about images that it was found on, which it fits too well.

    Args:
        values: the constant: one number, or values of the gate's shape.
    """

    code: ClassVar[str] = "best"
    values: Any

    def __post_init__(self) -> None:
        _own(self, self.values, bounded=False)

    def _replace(self, gate: Target) -> Tensor:
        return gate.fitted(np.asarray(self.values))


@dataclass(frozen=True, eq=False)
class Values(Replacement):
    """Given values: a painted mask, a dragged bar, or those of any other idea.

    No evidence beyond the idea behind them: values that no image gives are new to the layers that follow.

    Args:
        values: one number, values of the gate's shape, or one such for each image of the batch, in [0, 1].
        unbounded: whether they may lie outside [0, 1].
    """

    code: ClassVar[str] = "values"
    values: Any
    unbounded: bool = False

    def __post_init__(self) -> None:
        if self.values is None:
            raise _not_finite(None)
        _own(self, self.values, bounded=not self.unbounded)

    def _replace(self, gate: Target) -> Tensor:
        return gate.fitted(np.asarray(self.values))


@dataclass(frozen=True)
class Off(Replacement):
    """No gate: the feature map passes unchanged, as if multiplied by 1.

    Question: what does the network do without the multiplication?

    No evidence that the gate matters: a gate of 0.1 everywhere says nothing about the image, but without it all
    features are ten times as large, which the layers after it never met. See what `Usual` costs first.
    """

    code: ClassVar[str] = "off"

    def _replace(self, gate: Target) -> Tensor:
        return gate.full_of((1.0 - gate.shift) / gate.scale)


@dataclass(frozen=True)
class Scaled(Replacement):
    """The gate's values, multiplied by one factor.

    Question: how does the answer react to the strength of the gate?

    No evidence that its pattern matters: like `Off`, it changes the size of all features.

    Args:
        factor: the factor, 0 or more; above 1, values may leave [0, 1].
    """

    code: ClassVar[str] = "scaled"
    factor: Any

    def __post_init__(self) -> None:
        if _check_number(self.factor) < 0:
            raise EditError("edit.factor", "a factor must be 0 or more; given {given}", given=str(self.factor)[:60])

    def _replace(self, gate: Target) -> Tensor:
        return gate.values * float(self.factor)


@dataclass(frozen=True)
class Inverted(Replacement):
    """One minus the gate's values: what was let through is held back.

    Question: can the answer be broken by letting through what the gate holds back?

    No evidence that the gate matters: the level changes with the pattern, and nothing in training looked like this.
    """

    code: ClassVar[str] = "inverted"

    def _replace(self, gate: Target) -> Tensor:
        return 1 - gate.values


@dataclass(frozen=True)
class Shuffled(Replacement):
    """The gate's own values in another order: of positions where it has any, else of channels.

    Question: does it matter which value stands where? Level and spread of this image stay, to the last number.

    No evidence about attention to the image: a fixed pattern is destroyed as well. A shuffled mask is also rougher than
    any real one.

    Args:
        seed: seed of the order, which is the same for every image and, in gates of one size, for every gate.
    """

    code: ClassVar[str] = "shuffled"
    seed: int = 0

    def _replace(self, gate: Target) -> Tensor:
        positions = _positions(gate)
        values = gate.values.flatten(positions[0]) if positions else gate.values
        order = torch.randperm(values.shape[-1], generator=torch.Generator().manual_seed(self.seed))
        return values[..., order.to(values.device)].reshape(gate.values.shape)


@dataclass(frozen=True)
class Only(Replacement):
    """A replacement for some channels or cells of a gate; the others stay as they are.

    No evidence about channels that were left out: many can say the same, so that none is missed alone.

    Args:
        replacement: what replaces them.
        channels: indices of the channels, from 0; None for all.
        cells: (row, column) of the positions, from 0; None for all. Of a signal (place,), of a volume three numbers.
    """

    code: ClassVar[str] = "only"
    replacement: AnyReplacement
    channels: Sequence[int] | None = None
    cells: Sequence[tuple[int, ...]] | None = None

    def __post_init__(self) -> None:
        check_replacement("Only(...)", self.replacement)

    def _replace(self, gate: Target) -> Tensor:
        chosen = self._chosen(gate.kind, gate.name, tuple(gate.values.shape[1:]))
        return torch.where(chosen.to(gate.values.device), self.replacement(gate), gate.values)

    def _chosen(self, kind: Kind, name: str, shape: tuple[int, ...]) -> Tensor:
        chosen = torch.ones(shape, dtype=torch.bool)
        if self.channels is not None:
            if "C" not in AXES[kind]:
                raise EditError("edit.no-channels", "gate {gate} has no channels to choose from", gate=name)
            _check_indices(name, shape[:1], self.channels)
            some = torch.zeros(shape[0], dtype=torch.bool)
            some[list(self.channels)] = True
            chosen &= some.reshape(-1, *[1] * (len(shape) - 1))
        if self.cells is not None:
            if "HW" not in AXES[kind]:
                raise EditError("edit.no-cells", "gate {gate} has no cells to choose from", gate=name)
            positions = shape[1:] if "C" in AXES[kind] else shape
            _check_indices(name, positions, self.cells)
            some = torch.zeros(positions, dtype=torch.bool)
            for cell in self.cells:
                some[cell] = True
            chosen &= some
        return chosen


def _check_indices(name: str, size: tuple[int, ...], given: Sequence[Any]) -> None:
    """Check that every index, or tuple of indices, is inside a size."""
    places = [place if isinstance(place, Sequence) else (place,) for place in given]
    if not all(
        len(place) == len(size) and all(0 <= index < count for index, count in zip(place, size, strict=True))
        for place in places
    ):
        raise EditError(
            "edit.part",
            "what is chosen of gate {gate} is numbered from {first} to {last}; given {given}",
            gate=name,
            first=", ".join("0" for _ in size),
            last=", ".join(str(count - 1) for count in size),
            given=str(list(given))[:60],
        )


def _positions(gate: Target) -> tuple[int, ...]:
    """Dimensions of a gate's values that are positions on the feature map, which may have one axis of them or three."""
    return tuple(range(2 if "C" in gate.axes else 1, gate.values.ndim))


def _usual(gate: Target, given: np.ndarray | None = None) -> np.ndarray:
    found = gate.usual if given is None else given
    if found is None:
        raise EditError(
            "edit.usual-unknown",
            "the usual values of gate {gate} are not known: give them, as Usual(values), or compute those of the "
            "network with 'cbam usual'",
            gate=gate.name,
        )
    return found


def check_replacement(name: str, replacement: Any) -> AnyReplacement:
    """Return a replacement.

    Args:
        name: name of what is replaced.
        replacement: what must be a replacement.

    Raises:
        EditError: it is none.
    """
    if callable(replacement) and not isinstance(replacement, type):
        usable: AnyReplacement = replacement
        return usable
    shown = f"{replacement.__name__} without ()" if isinstance(replacement, type) else repr(replacement)[:60]
    raise EditError(
        "edit.no-replacement",
        "gate {gate} is replaced by a replacement such as Usual() or Off(); given {given}",
        gate=repr(name)[:60],
        given=shown,
    )


def _own(replacement: Any, values: Any, *, bounded: bool) -> None:
    """Put a read-only copy of given values in the place of the field `values`."""
    if values is not None:
        object.__setattr__(replacement, "values", as_values(values, bounded=bounded))


def as_values(values: Any, *, bounded: bool) -> Float32[np.ndarray, ...]:
    """Convert given values of a gate to a read-only array.

    Args:
        values: number, array or tensor.
        bounded: whether they must lie in [0, 1].

    Raises:
        EditError: they are not finite numbers, or outside [0, 1].
    """
    try:
        array = np.array(values.detach().cpu().float().numpy() if isinstance(values, Tensor) else values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise _not_finite(values) from None
    if not np.isfinite(array).all():
        raise _not_finite(values)
    if bounded and array.size and (array.min() < 0 or array.max() > 1):
        raise EditError(
            "edit.range",
            "values of a gate lie in [0, 1]; given {least:g} to {most:g}: say unbounded=True where this is meant",
            least=float(array.min()),
            most=float(array.max()),
        )
    array.setflags(write=False)
    return array


def _check_number(number: Any) -> float:
    return float(as_values(number, bounded=False).item())


def _not_finite(values: Any) -> EditError:
    return EditError("edit.not-finite", "values of a gate are finite numbers; given {given}", given=repr(values)[:60])


def _gates_of(source: Any, index: int) -> Mapping[str, np.ndarray]:
    """Read one image's gates, by name, from a record, an explanation, or values by name."""
    if isinstance(source, Mapping):
        return {name: as_values(values, bounded=False) for name, values in source.items()}
    if (blocks := getattr(source, "blocks", None)) is not None:
        return {gate.name: as_values(gate.values, bounded=False) for block in blocks for gate in block.gates}
    gates = source.gates
    if gates and not 0 <= index < len(gates[0].values):
        raise EditError(
            "edit.no-image",
            "the record holds {count} images, numbered from 0; given {given}",
            count=len(gates[0].values),
            given=index,
        )
    return {gate.name: as_values(gate.values[index], bounded=False) for gate in gates}


def listed(names: Sequence[str] | Mapping[str, Any], most: int = 12) -> str:
    """Join names for an error, the first ones of many."""
    shown = list(names)[:most]
    return ", ".join([*shown, "..."] if len(names) > most else shown) or "none"
