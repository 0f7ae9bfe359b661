"""What a replacement is: a function of a gate that returns the values to use in its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor

from cbam_core.errors import EditError
from cbam_core.gates.replacements.target import Target


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


def listed(names: Sequence[str] | Mapping[str, Any], most: int = 12) -> str:
    """Join names for an error, the first ones of many."""
    shown = list(names)[:most]
    return ", ".join([*shown, "..."] if len(names) > most else shown) or "none"
