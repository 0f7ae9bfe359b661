"""Replacing gates by name: `edit`, which nests with `capture`, and leaves nothing on the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from threading import get_ident
from types import MappingProxyType
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from cbam_core.arguments import MAPPING, TEXT, Kind, instance_of, takes
from cbam_core.errors import EditError, text_of
from cbam_core.gates import sites as places
from cbam_core.gates.edits import REFERENCE, Edit, EditWatcher
from cbam_core.gates.finders import search
from cbam_core.gates.record import smallest
from cbam_core.gates.replacements import AnyReplacement, Target, check_replacement, listed
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


NETWORK = instance_of("a network, an nn.Module or what load_classifier returns", nn.Module, Network)
USUAL = instance_of("usual values, as usual_gates returns them", known.Usual)
EDITS = Kind(
    "a mapping of names of gates to replacements, such as {'cbam1.spatial': Off()}",
    lambda value: MAPPING.fits(value) and all(map(TEXT.fits, cast("Mapping[Any, Any]", value))),
)
"""Kinds of arguments."""


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
        freeze_later: whether gates that run after an edited one keep the values that they have without the edits. The
            output then shows the *direct* effect of an edit, instead of the total one, in which later gates answer to
            it. It takes a second forward of the same input, and the network must be in eval mode.

    Raises:
        EditError: a name is not that of a gate, a value is not a replacement or does not fit its gate, usual values are
            needed and not known, a named gate did not run, or later gates cannot be frozen.
        CaptureError: the model is compiled, scripted or exported.
    """

    @takes(EditError, model=NETWORK, edits=EDITS, usual=USUAL.or_none)
    def __init__(
        self,
        model: nn.Module | Network,
        edits: Mapping[str, AnyReplacement] = MappingProxyType({}),
        *,
        usual: known.Usual | None = None,
        freeze_later: bool = False,
    ) -> None:
        super().__init__(model if isinstance(model, nn.Module) else model.model)
        if usual is None and not isinstance(model, nn.Module):
            usual = model.usual
        self._replacements = {name: check_replacement(name, replacement) for name, replacement in edits.items()}
        self._usual = usual
        self._calls: Counter[str] = Counter()
        self._missing: set[str] = set()
        self._freezes, self._refers, self._has_edited = freeze_later, False, False
        self._reference: dict[str, Tensor] = {}

    def __enter__(self) -> None:
        sites, self._has_others = search(self._model)
        if not self._has_others:
            check_names(self._replacements, sites)
        self._edits = {site: partial(self._edited, site) for site in sites}
        if self._freezes:
            self._check_alone()
            before, marks = self._model._forward_pre_hooks, self._model._forward_pre_hooks_with_kwargs
            self._hooks.register([(before, self._refer, marks)], rank=REFERENCE)
        super().__enter__()

    def _check_alone(self) -> None:
        """Check that no other edit of this thread freezes gates of this model."""
        others = (getattr(hook, "__self__", None) for hook in [*self._model._forward_pre_hooks.values()])
        if any(isinstance(other, edit) and other._freezes and other._owner == get_ident() for other in others):
            raise EditError(
                "edit.nested-freeze",
                "edits with freeze_later=True cannot be nested in each other: give all of them to one edit",
            )

    def _refer(self, model: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Run a forward without these edits, to know the values of all gates."""
        if get_ident() != self._owner or self._refers:
            return
        if any(module.training for module in model.modules()):
            raise EditError(
                "edit.freeze-in-training",
                "freezing later gates compares two forwards, which differ in training mode: call model.eval() first",
            )
        self._reference.clear()
        self._refers = True
        try:
            with torch.random.fork_rng(_random_devices(model)):
                model(*tree_map(_cloned, inputs), **tree_map(_cloned, named))
        finally:
            self._refers = False

    def edit_of(self, site: places.Site) -> Edit | None:
        """Return the edit of a gate that operations show."""
        return partial(self._edited, site)

    def _start(self, module: nn.Module, inputs: Any, named: Any = None) -> None:
        super()._start(module, inputs, named)
        if get_ident() == self._owner:
            if self._general is not None and self._general.learnt:  # which gates there are is known only now
                check_names(self._replacements, [*self._edits, *self._general.sites])
            self._calls.clear()
            self._has_edited = False
            self._missing = {name for name in self._replacements if not is_pattern(name)}

    def _edited(self, site: places.Site, gate: Tensor) -> Tensor:
        self._calls[site.name] += 1
        name = places.name_of_call(site.name, self._calls[site.name])
        self._missing.discard(name)
        if self._refers:
            self._reference[name] = gate.detach().clone()
            return gate
        replacement = chosen(self._replacements, name)
        if self._freezes and (replacement is not None or self._has_edited):
            gate = self._known(name, gate)
        if replacement is None:
            return gate
        self._has_edited = True
        own = gate if site.by_operation else smallest(gate, AXES[site.kind])
        target = Target(name, site.kind, own, usual_values(self._usual, name), site.scale, site.shift)
        values = replaced(target, replacement)
        return gate if values is target.values else values.reshape(gate.shape)

    def _known(self, name: str, gate: Tensor) -> Tensor:
        """Return a gate as it is without the edits."""
        found = self._reference.get(name)
        if found is None or found.shape != gate.shape:
            raise EditError(
                "edit.other-path",
                "gate {gate} runs otherwise with the edits than without them, so it cannot be frozen",
                gate=name,
            )
        return found

    def _complete(self, module: nn.Module, inputs: Any, output: Any) -> None:
        super()._complete(module, inputs, output)
        if get_ident() == self._owner and self._missing:
            raise EditError(
                "edit.did-not-run",
                "gate {gate} did not run in this forward and thread, so it was not replaced",
                gate=min(self._missing),
            )


def _cloned(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _random_devices(model: nn.Module) -> list[int]:
    """GPUs of a model, whose random numbers a second forward must not use up."""
    return sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})


def replaced(gate: Target, replacement: AnyReplacement) -> Tensor:
    """Compute the values that replace a gate's, and check their shape.

    Returns:
        Values of the gate's shape; the very tensor of the gate where nothing is replaced.

    Raises:
        EditError: the replacement does not fit the gate, or fails.
    """
    values = _called(replacement, gate)
    if not isinstance(values, Tensor) or values.shape != gate.values.shape:
        raise EditError(
            "edit.result",
            "the replacement of gate {gate} must return values of shape {expected}; it returned {given}",
            gate=gate.name,
            expected=str(tuple(gate.values.shape)),
            given=str(tuple(values.shape)) if isinstance(values, Tensor) else type(values).__name__,
        )
    return values if values is gate.values else values.to(gate.values).contiguous()


def _called(replacement: AnyReplacement, gate: Target) -> Any:
    """Call a replacement; a TypeError of its own would be taken for a product of tensors that do not fit."""
    try:
        return replacement(gate)
    except TypeError as error:
        raise EditError(
            "edit.failed",
            "the replacement of gate {gate} failed: {reason}",
            gate=gate.name,
            reason=f"{type(error).__name__}: {text_of(error)}"[:200],
        ) from error


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
