"""Why a network has no gates, in one or two sentences."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from torch import nn

from cbam_core.gates.operations.lesson import Lesson, Refused

_SHOWN = 3


def why_none(model: nn.Module, lesson: Lesson) -> str:
    """Say what was looked at, and why the nearest candidates are no gates."""
    modules = len({call.path for call in lesson.modules})
    looked = (
        f"No gate was found: {len(lesson.within)} torch calls in {modules} modules of {type(model).__name__} were "
        f"followed, and {lesson.multiplied} of them multiply tensors that both depend on the input"
    )
    nearest = list(islice(_nearest(lesson.refused), _SHOWN))
    unseen = f" {_UNSEEN}" if lesson.unseen else ""
    if not nearest:
        return f"{looked}; none of these multiplies a feature map by something that could be a gate.{unseen}"
    return f"{looked}. The nearest candidates: {'; '.join(map(_said, nearest))}.{unseen}"


_UNSEEN = (
    "Some tensors came from code that cannot be followed, such as a function of torch.jit.script or a "
    "transform of torch.func: a gate that multiplies a map in there is not found."
)


def _nearest(refused: Iterable[Refused]) -> Iterable[Refused]:
    """Yield the refused, nearest first, each reason once for each module."""
    seen = set()
    for one in sorted(refused, key=lambda one: -one.refusal.near):
        if (one.owner, one.refusal.reason) not in seen:
            seen.add((one.owner, one.refusal.reason))
            yield one


def _said(one: Refused) -> str:
    where = f"in {one.owner}" if one.owner else "in the network itself"
    return f"{where}, {_times(one.map)} by {_times(one.factor)}: {one.refusal.reason}"


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a number"
