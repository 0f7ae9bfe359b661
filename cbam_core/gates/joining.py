"""Many edits of one batch in one forward: the rows of an edit join at the first gate that it replaces.

What comes before that gate is the same with and without the edit, so it is computed once. From there on the batch holds
the images once more for each edit. An operation of two tensors, one from before rows joined and one from after, such as
the sum of a residual block, gets the missing rows as copies of the images'. A mark on each tensor says that its first
axis is that of the batch, so that weights and other tensors of the same length stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import get_ident
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from cbam_core.errors import EditError
from cbam_core.gates.editing import check_names, chosen, replaced, usual_values
from cbam_core.gates.edits import EditWatcher
from cbam_core.gates.finders import search
from cbam_core.gates.operations.counting import Observers
from cbam_core.gates.record import smallest
from cbam_core.gates.replacements import AnyReplacement, Target
from cbam_core.gates.sites import Site, name_of_call
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
        CaptureError: the model is compiled, scripted or exported; or it takes another way where rows join.
        RuntimeError, TypeError, ValueError: an operation of the network does not allow that rows join.
    """
    rows = _Rows(len(batch))
    joining = _Joining(model, edits, usual, rows)
    with torch.inference_mode(), rows, joining:
        outputs = model(batch[:])  # a view, which may be marked
    return joining.ordered(outputs)


class _Joining(EditWatcher):
    """Replace gates, and let the rows of each edit join at its first one."""

    def __init__(self, model: nn.Module, edits: Sequence[JoinedEdit], usual: Usual | None, rows: _Rows) -> None:
        super().__init__(model)
        self._all, self._usual, self._rows = edits, usual, rows
        self._joined: list[int] = []
        self._waiting: list[int] = []
        self._calls: dict[str, int] = {}

    def __enter__(self) -> None:
        sites, others = search(self._model)
        if not others:
            self._check_names(sites)
        self._edits = {site: partial(self._join, site) for site in sites}
        super().__enter__()

    def _check_names(self, sites: Sequence[Site]) -> None:
        for edit in self._all:
            check_names(edit.replacements, sites)

    def _observers(self) -> Observers:
        return Observers(rows=self._join_shown)

    def ordered(self, outputs: Tensor) -> Tensor:
        """Split outputs into rows, in the order of the edits."""
        if self._waiting:
            raise EditError(
                "edit.did-not-run",
                "gate {gate} did not run in this forward and thread, so it was not replaced",
                gate=", ".join(self._all[self._waiting[0]].replacements),
            )
        if len(outputs) != self._rows.groups * self._rows.base:
            raise RuntimeError(f"{self._rows.groups} x {self._rows.base} rows went in, and {len(outputs)} came out")
        parts = torch.split(outputs, self._rows.base)
        places = {number: place for place, number in enumerate(self._joined, start=1)}
        return torch.stack([parts[0], *(parts[places[number]] for number in range(len(self._all)))])

    def _start(self, module: nn.Module, inputs: Any, named: Any = None) -> None:
        if get_ident() == self._owner:
            self._rows.begin(inputs)  # before calls of the network are counted
        super()._start(module, inputs, named)
        if get_ident() == self._owner:
            if self._general is not None and self._general.learnt:  # which gates there are is known only now
                self._check_names([*self._edits, *self._general.sites])
            self._joined.clear()
            self._waiting[:] = range(len(self._all))
            self._calls.clear()

    def _join(self, site: Site, gate: Tensor) -> Tensor:
        """Let rows join at a gate of this library's own modules."""
        with torch._C.DisableTorchFunction():
            name = self._name(site)
            shape = (self._rows.base, *gate.shape[1:])
            read = partial(smallest, axes=AXES[site.kind])
            return self._with_rows(site, name, _Held(gate, read, lambda values: values.reshape(shape)))

    def _join_shown(self, index: int, tensor: Tensor, can: bool) -> Tensor | None:
        """Let rows join at a gate that operations show, in the tensor that holds it; None where nothing changes."""
        if self._general is None:
            return None
        site, reader = self._general.site(index), self._general.planned(index).reader
        name = self._name(site)
        if not can:
            self._check_unedited(name)
            return None
        if len(tensor) % self._rows.base:
            raise RuntimeError(f"the first axis of gate {name} is not that of the batch")
        return self._with_rows(site, name, _Held(tensor, reader.read, reader.write))

    def _name(self, site: Site) -> str:
        call = self._calls[site.name] = self._calls.get(site.name, 0) + 1
        return name_of_call(site.name, call)

    def _check_unedited(self, name: str) -> None:
        """Check that no edit replaces a gate that cannot be replaced."""
        frozen = any(self._all[number].freeze_later for number in self._joined)
        if frozen or any(chosen(edit.replacements, name) is not None for edit in self._all):
            raise RuntimeError(f"gate {name} cannot be replaced")

    def _with_rows(self, site: Site, name: str, held: _Held) -> Tensor:
        parts = list(torch.split(self._rows.grown(held.tensor), self._rows.base))
        for place, number in enumerate(self._joined, start=1):
            edit = self._all[number]
            parts[place] = self._edited(site, name, edit, held, parts[0] if edit.freeze_later else parts[place])
        for number in [*self._waiting]:
            if chosen(self._all[number].replacements, name) is not None:
                parts.append(self._edited(site, name, self._all[number], held, parts[0]))
                self._joined.append(number)
                self._waiting.remove(number)
        self._rows.groups = len(parts)
        joined: Tensor = self._rows.marked(torch.cat(parts) if len(parts) > 1 else held.tensor)
        return joined

    def _edited(self, site: Site, name: str, edit: JoinedEdit, held: _Held, part: Tensor) -> Tensor:
        replacement = chosen(edit.replacements, name)
        if replacement is None:
            return part
        target = Target(name, site.kind, held.read(part), usual_values(self._usual, name), site.scale, site.shift)
        values = replaced(target, replacement)
        return part if values is target.values else held.write(values)


@dataclass(frozen=True, eq=False)
class _Held:
    """A tensor that holds a gate, for every row of the batch.

    Attributes:
        tensor: the tensor.
        read: returns the values of the images of one row, in their smallest form.
        write: returns the part of the tensor that holds given values.
    """

    tensor: Tensor
    read: Callable[[Tensor], Tensor]
    write: Callable[[Tensor], Tensor]


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
        self._lengths: set[int] = set()
        self._begun = False

    def begin(self, inputs: Any) -> None:
        """Begin a forward with the inputs of the network."""
        self.groups, self._begun = 1, True
        self._lengths.clear()
        tree_map(self.marked, inputs)

    def grown(self, tensor: Tensor, length: int | None = None) -> Tensor:
        """Return a tensor with rows for every edit that has joined; new ones are copies of the images'."""
        missing = (self.groups * self.base if length is None else length) - len(tensor)
        return torch.cat([tensor, *[tensor[: self.base]] * (missing // self.base)]) if missing > 0 else tensor

    def marked(self, value: Any, length: int | None = None) -> Any:
        """Mark a tensor whose first axis is that of the batch; with a length, only if it has this one."""
        if isinstance(value, Tensor) and value.ndim and length in {None, len(value)}:
            value.__dict__[_MARK] = len(value)
            self._lengths.add(len(value))
        return value

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        lengths = {*_marks((args, kwargs))} if self._begun else set()
        if not lengths:
            return func(*args, **kwargs)
        longest = max(lengths)
        if len(lengths) > 1:
            args, kwargs = tree_map(partial(self._align, longest), (args, kwargs))
        elif func in _SHAPED:
            args = self._reshaped(args, longest)
        found = func(*args, **kwargs)
        if isinstance(found, Tensor):
            return self.marked(found, longest)
        return tree_map(partial(self.marked, length=longest), found) if isinstance(found, list | tuple) else found

    def _align(self, length: int, value: Any) -> Any:
        return self.marked(self.grown(value, length)) if (_mark(value) or length) < length else value

    def _reshaped(self, args: tuple[Any, ...], length: int) -> tuple[Any, ...]:
        """Correct the number of rows in a shape that was read before rows joined."""
        tensor, *rest = args
        sizes = list(rest[0]) if len(rest) == 1 and isinstance(rest[0], list | tuple) else rest
        if _mark(tensor) and sizes and isinstance(sizes[0], int) and sizes[0] < length and sizes[0] in self._lengths:
            return (tensor, length, *sizes[1:])
        return args


_MARK = "_length_of_batch"


def _mark(value: Any) -> int | None:
    """Return the length of a tensor whose first axis is that of the batch; None for anything else."""
    mark = value.__dict__.get(_MARK) if isinstance(value, Tensor) else None
    return mark if mark is not None and value.ndim and len(value) == mark else None


def _marks(values: Any) -> Iterator[int]:
    """Yield the lengths of the marked tensors among arguments."""
    for value in values.values() if isinstance(values, dict) else values:
        if isinstance(value, tuple | list | dict):
            yield from _marks(value)
        elif (mark := _mark(value)) is not None:
            yield mark


_SHAPED = frozenset({Tensor.view, Tensor.reshape, Tensor.expand, torch.reshape})
"""Operations that name the number of rows."""
