"""Many edits of one batch in one forward: the rows of an edit join at the first gate that it replaces.

What comes before that gate is the same with and without the edit, so it is computed once. From there on the batch holds
the images once more for each edit. An operation of two tensors, one from before rows joined and one from after, such as
the sum of a residual block, gets the missing rows as copies of the images'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import get_ident
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cbam_core.errors import EditError
from cbam_core.gates.editing import check_names, chosen, name_of_call, replaced, usual_values
from cbam_core.gates.edits import EditWatcher
from cbam_core.gates.finders import find_sites
from cbam_core.gates.record import smallest
from cbam_core.gates.replacements import AnyReplacement, Target
from cbam_core.gates.sites import Site
from cbam_core.results.kinds import AXES
from cbam_core.results.usual import Usual


@dataclass(frozen=True, eq=False)
class JoinedEdit:
    """One edit of a batch.

    Attributes:
        replacements: replacement of each gate, by name or pattern, as `cbam_core.edit` takes them.
        freeze_later: whether gates after the first replaced one stay as they are without the edit (direct effect).
    """

    replacements: Mapping[str, AnyReplacement]
    freeze_later: bool = False


def run_joined(
    model: nn.Module, batch: Float[Tensor, "b ..."], edits: Sequence[JoinedEdit], usual: Usual | None = None
) -> Float[Tensor, "rows b ..."]:
    """Run a network on a batch without an edit, and with each of several edits, in one forward.

    Nothing is left on the model, and other threads do not notice. The network must treat the images of a batch
    independently, as networks in eval mode do.

    Args:
        model: the network, in eval mode.
        batch: its input.
        edits: the edits.
        usual: usual values of the gates, for replacements that need them.

    Returns:
        Outputs without an edit, then with each of the edits.

    Raises:
        EditError: an edit does not fit the network, or none of its gates ran.
        CaptureError: the model is compiled, scripted or exported.
        RuntimeError, TypeError, ValueError: an operation of the network does not allow that rows join.
    """
    rows = _Rows(len(batch))
    joining = _Joining(model, edits, usual, rows)
    with torch.inference_mode(), rows, joining:
        outputs = model(batch)
    return joining.ordered(outputs)


class _Joining(EditWatcher):
    """Replace gates, and let the rows of each edit join at its first one."""

    def __init__(self, model: nn.Module, edits: Sequence[JoinedEdit], usual: Usual | None, rows: _Rows) -> None:
        super().__init__(model)
        self._all, self._usual, self._rows = edits, usual, rows
        self._joined: list[JoinedEdit] = []
        self._calls: dict[Site, int] = {}

    def __enter__(self) -> None:
        sites = find_sites(self._model)
        for edit in self._all:
            check_names(edit.replacements, sites)
        self._edits = {site: partial(self._join, site) for site in sites}
        super().__enter__()

    def ordered(self, outputs: Tensor) -> Tensor:
        """Split outputs into rows, in the order of the edits."""
        if missing := [edit for edit in self._all if edit not in self._joined]:
            raise EditError(
                "edit.did-not-run",
                "gate {gate} did not run in this forward and thread, so it was not replaced",
                gate=", ".join(missing[0].replacements),
            )
        parts = torch.split(self._rows.grown(outputs), self._rows.base)
        return torch.stack([parts[0], *(parts[1 + self._joined.index(edit)] for edit in self._all)])

    def _start(self, module: nn.Module, inputs: Any) -> None:
        super()._start(module, inputs)
        if get_ident() == self._owner:
            self._joined.clear()
            self._calls.clear()
            self._rows.groups = 1

    def _join(self, site: Site, gate: Tensor) -> Tensor:
        call = self._calls[site] = self._calls.get(site, 0) + 1
        name = name_of_call(site, call)
        parts = list(torch.split(self._rows.grown(gate), self._rows.base))
        for place, edit in enumerate(self._joined, start=1):
            parts[place] = self._edited(site, name, edit, parts[0] if edit.freeze_later else parts[place])
        for edit in self._all:
            if edit not in self._joined and chosen(edit.replacements, name) is not None:
                parts.append(self._edited(site, name, edit, parts[0]))
                self._joined.append(edit)
        self._rows.groups = len(parts)
        return torch.cat(parts) if len(parts) > 1 else gate

    def _edited(self, site: Site, name: str, edit: JoinedEdit, gate: Tensor) -> Tensor:
        replacement = chosen(edit.replacements, name)
        if replacement is None:
            return gate
        target = Target(name, site.kind, smallest(gate, AXES[site.kind]), usual_values(self._usual, name))
        return replaced(target, replacement).reshape(gate.shape)


class _Rows(TorchFunctionMode):
    """Add missing rows where a tensor from before rows joined meets one from after.

    Args:
        base: number of images of the batch, B.

    Attributes:
        groups: number of times that the batch holds every image by now.
    """

    def __init__(self, base: int) -> None:
        super().__init__()
        self.base, self.groups = base, 1

    def grown(self, tensor: Tensor, groups: int | None = None) -> Tensor:
        """Return a tensor with rows for every edit that has joined; new ones are copies of the first."""
        missing = (self.groups if groups is None else groups) - len(tensor) // self.base
        return torch.cat([tensor, *[tensor[: self.base]] * missing]) if missing > 0 else tensor

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if self.groups > 1:
            if func in _TOGETHER:
                args = self._aligned(args)
            elif func in _SHAPED:
                args = self._reshaped(args)
        return func(*args, **(kwargs or {}))

    def _aligned(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """Give all tensors of an operation, also those in lists, the rows of the one with most."""
        groups = max(map(self._groups, args), default=0)
        return tuple(self._align(value, groups) for value in args) if groups > 1 else tuple(args)

    def _groups(self, value: Any) -> int:
        if isinstance(value, list | tuple):
            return max(map(self._groups, value), default=0)
        if not isinstance(value, Tensor) or value.ndim < 2 or len(value) % self.base:
            return 0
        groups = len(value) // self.base
        return groups if groups <= self.groups else 0

    def _align(self, value: Any, groups: int) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(self._align(part, groups) for part in value)
        return self.grown(value, groups) if 0 < self._groups(value) < groups else value

    def _reshaped(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Correct the number of rows in a shape that was read before rows joined."""
        tensor, *rest = args
        sizes = list(rest[0]) if len(rest) == 1 and isinstance(rest[0], list | tuple) else rest
        groups = self._groups(tensor)
        if groups < 2 or not sizes or not isinstance(sizes[0], int) or not 0 < sizes[0] < len(tensor):
            return args
        if sizes[0] % self.base or sizes[0] // self.base > groups:
            return args
        return (tensor, len(tensor), *sizes[1:])


_TOGETHER = frozenset(
    {
        *(getattr(torch, name) for name in ("add", "sub", "mul", "div", "cat", "concat", "stack", "where", "lerp")),
        *(getattr(torch, name) for name in ("maximum", "minimum", "matmul", "bmm", "addcmul")),
        *(getattr(Tensor, name) for name in ("add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_", "addcmul")),
        *(getattr(Tensor, f"__{name}__") for name in ("add", "sub", "mul", "truediv", "matmul")),
        *(getattr(Tensor, f"__{name}__") for name in ("radd", "rsub", "rmul", "rtruediv")),
        *(getattr(Tensor, f"__{name}__") for name in ("iadd", "isub", "imul", "itruediv")),
        *(getattr(Tensor, name) for name in ("matmul", "bmm", "maximum", "minimum", "lerp", "expand_as", "where")),
    }
)
"""Operations of several tensors of one batch."""

_SHAPED = frozenset({Tensor.view, Tensor.reshape, Tensor.expand, torch.reshape})
"""Operations that name the number of rows."""
