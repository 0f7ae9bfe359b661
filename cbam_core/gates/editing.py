"""Replacing gates by name: `edit`, which nests with `capture`, and leaves nothing on the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from threading import get_ident
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from cbam_core.errors import EditError
from cbam_core.gates import sites as places
from cbam_core.gates.edits import EditWatcher
from cbam_core.gates.finders import find_sites
from cbam_core.gates.record import smallest
from cbam_core.gates.replacements import AnyReplacement, Target, listed
from cbam_core.results import usual as known
from cbam_core.results.kinds import AXES


@runtime_checkable
class Network(Protocol):
    """A model, and what its gates usually do, such as a `Classifier`."""

    @property
    def model(self) -> nn.Module:
        """The model."""

    @property
    def usual(self) -> known.Usual | None:
        """Usual values of its gates; None if they are not known."""


class edit(EditWatcher):  # noqa: N801 - used as a verb: ``with edit(model, {...})``
    """Replace gates in the forwards that this thread runs through a model inside the with block.

        with edit(classifier, {"cbam2.spatial": Usual()}):
            logits = classifier.model(batch)

    Gates without an edit, and outputs where nothing is edited, keep every bit. Nothing is left on the model, and other
    threads do not notice. A `capture` inside or outside the block records the replaced gates: what multiplied the map.
    Where blocks of edits are nested, the inner one replaces what the outer one gives.

    Args:
        model: a network, called inside the block, in the same thread; or a classifier, whose usual values are taken.
        edits: replacement of each gate, by the gate's name in a record: ``"cbam1#2.channel"`` is the second call of
            ``"cbam1.channel"``. A name may be a pattern, such as ``"*.spatial"``. A name goes before patterns, and an
            earlier pattern before a later one.
        usual: usual values of the gates; None for those of the classifier.

    Raises:
        EditError: a name is not that of a gate, a value is not a replacement or does not fit its gate, usual values are
            needed and not known, or a named gate did not run.
        CaptureError: the model is compiled, scripted or exported.
    """

    def __init__(
        self,
        model: nn.Module | Network,
        edits: Mapping[str, AnyReplacement] = MappingProxyType({}),
        *,
        usual: known.Usual | None = None,
    ) -> None:
        super().__init__(model if isinstance(model, nn.Module) else model.model)
        if usual is None and not isinstance(model, nn.Module):
            usual = model.usual
        self._replacements = {name: _checked(name, replacement) for name, replacement in edits.items()}
        self._usual = usual
        self._calls: Counter[places.Site] = Counter()
        self._missing: set[str] = set()

    def __enter__(self) -> None:
        sites = find_sites(self._model)
        check_names(self._replacements, sites)
        self._edits = {site: partial(self._edited, site) for site in sites}
        super().__enter__()

    def _start(self, _module: nn.Module, _inputs: Any) -> None:
        if get_ident() == self._owner:
            self._seen = []
            self._calls.clear()
            self._missing = {name for name in self._replacements if not is_pattern(name)}

    def _edited(self, site: places.Site, gate: Tensor) -> Tensor:
        self._calls[site] += 1
        name = name_of_call(site, self._calls[site])
        self._missing.discard(name)
        replacement = chosen(self._replacements, name)
        if replacement is None:
            return gate
        target = Target(name, site.kind, smallest(gate, AXES[site.kind]), usual_values(self._usual, name))
        values = replaced(target, replacement)
        return gate if values is target.values else values.reshape(gate.shape)

    def _complete(self, module: nn.Module, inputs: Any, output: Any) -> None:
        super()._complete(module, inputs, output)
        if get_ident() == self._owner and self._missing:
            raise EditError(
                "edit.did-not-run",
                "gate {gate} did not run in this forward and thread, so it was not replaced",
                gate=min(self._missing),
            )


def replaced(gate: Target, replacement: AnyReplacement) -> Tensor:
    """Compute the values that replace a gate's, and check their shape.

    Returns:
        Values of the gate's shape; the very tensor of the gate where nothing is replaced.

    Raises:
        EditError: the replacement does not fit the gate.
    """
    values = replacement(gate)
    if not isinstance(values, Tensor) or values.shape != gate.values.shape:
        raise EditError(
            "edit.result",
            "the replacement of gate {gate} must return values of shape {expected}; it returned {given}",
            gate=gate.name,
            expected=str(tuple(gate.values.shape)),
            given=str(tuple(values.shape)) if isinstance(values, Tensor) else type(values).__name__,
        )
    return values if values is gate.values else values.to(gate.values).contiguous()


def usual_values(usual: known.Usual | None, name: str) -> Any:
    """Return the usual values of a gate; None where they are unknown."""
    found = None if usual is None else usual.gate(name)
    return None if found is None else found.mean


def chosen(replacements: Mapping[str, AnyReplacement], name: str) -> AnyReplacement | None:
    """Return the replacement of a gate: by its name, else by the first pattern that matches; None for none."""
    if name in replacements:
        return replacements[name]
    found = (value for key, value in replacements.items() if is_pattern(key) and fnmatchcase(name, key))
    return next(found, None)


def is_pattern(name: str) -> bool:
    """Check whether a name has a wildcard."""
    return any(sign in name for sign in "*?[")


def name_of_call(site: places.Site, call: int) -> str:
    """Name one call of a gate, as records do: ``"cbam1.channel"``, ``"cbam1#2.channel"``, ..."""
    return site.name if call == 1 else f"{site.block}#{call}{site.name.removeprefix(site.block)}"


def check_names(names: Iterable[str], sites: Iterable[places.Site]) -> None:
    """Check that every name is that of a gate, or a pattern that a gate matches.

    Raises:
        EditError: one is not.
    """
    there = {site.name: site for site in sites}
    for name in names:
        block, number, kind = _parts(name)
        if is_pattern(name):
            found = number or any(fnmatchcase(gate, name) for gate in there)
        else:
            found = name in there or (number and block + kind in there)
        if not found:
            raise EditError(
                "edit.unknown-gate",
                "there is no gate {given}; this network has {known}",
                given=repr(name)[:60],
                known=listed(there),
            )


def _parts(name: str) -> tuple[str, str, str]:
    """Split the name of a call: ``"cbam1#2.channel"`` is ``"cbam1"``, ``"2"`` and ``".channel"``."""
    block, mark, rest = name.partition("#")
    number, dot, kind = rest.partition(".")
    return (block, number, dot + kind) if mark else (name, "", "")


def _checked(name: str, replacement: Any) -> AnyReplacement:
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
