"""At which calls of which modules are the gates of a network read? What one forward taught, for those that follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn

from cbam_core.gates.operations.functions import changes_in_place
from cbam_core.gates.operations.judging import Reader
from cbam_core.gates.operations.learning import OPAQUE
from cbam_core.gates.operations.lesson import Found, Lesson, OwnGate
from cbam_core.gates.operations.naming import name_gates
from cbam_core.gates.operations.tensors import ModuleCall, Number
from cbam_core.gates.operations.ways import Outcome
from cbam_core.gates.operations.why import why_none
from cbam_core.gates.sites import Site

Path = tuple[int | str, ...]


@dataclass(frozen=True, eq=False)
class PlannedGate:
    """One gate of a plan.

    Attributes:
        site: name, block, kind, scale, shift, squashed, order, as in `Site`.
        owner: path of the module that owns it.
        reader: how its values are read.
        inverse: whether the map is divided by what is read.
        factor: keys that lead to the factor among the arguments of the multiplication.
        map: keys that lead to the map.
        whole: whether the factor is the gate, so that it can be replaced.
    """

    site: tuple[Any, ...]
    owner: str
    reader: Reader
    inverse: bool
    factor: Path
    map: Path

    @property
    def can_be_replaced(self) -> bool:
        """Whether a tensor that takes the place of the factor can be made from values."""
        return not self.inverse and self.reader.rest is not None

    def made(self, model: nn.Module) -> Site:
        """Return its site in a model."""
        owner = model.get_submodule(self.owner)
        name, block, kind, scale, shift, squashed, order = self.site
        return Site(name, block, kind, owner, owner, scale, shift, squashed, by_operation=True, order=order)


@dataclass(frozen=True, eq=False)
class Action:
    """What is done at one torch call.

    Attributes:
        func: function that must be called there.
        reads: gates whose values are read from an argument, with the keys that lead to it.
        multiplies: gates that multiply a map in this call.
        in_place: whether the call changes its first argument, which then must not be replaced.
        numbers: numbers that must be the same as when the gates were looked for, with the keys that lead to them.
        outcome: what Python must be told there; None where it is told nothing that decides.
    """

    func: Callable[..., Any]
    reads: tuple[tuple[int, Path, tuple[int, ...]], ...]
    multiplies: tuple[int, ...]
    in_place: bool = False
    numbers: tuple[tuple[Path, float], ...] = ()
    outcome: Outcome | None = None


@dataclass(frozen=True, eq=False)
class ScopeCall:
    """One call of a module inside which torch calls are counted.

    Attributes:
        actions: what is done, by the number of the torch call, from 1.
        calls: number of torch calls.
    """

    actions: dict[int, Action]
    calls: int


@dataclass(eq=False)
class Plan:
    """Where the gates of a network are.

    Attributes:
        gates: gates in order of execution; None stands for one that a hook records.
        scopes: modules inside which torch calls are counted, by path, with each of their calls.
        quiet: modules inside these in which nothing is counted.
        dormant: modules that did not run.
        reads: whether Python was told values, so that it holds for one way of the forward only.
        way: what it was told, in order, where a later forward can be compared; () elsewhere.
        why_none: why there are no gates; None where there are.
        missing: own gates whose module ran without them.
        elsewhere: whether parts of the network ran in another thread.
        versions: parameters whose values are scales of gates, and their versions.
        modules: modules with hooks, by path.
    """

    gates: tuple[PlannedGate | None, ...]
    scopes: dict[str, tuple[ScopeCall, ...]]
    quiet: tuple[str, ...]
    dormant: tuple[str, ...]
    reads: bool
    why_none: str | None
    way: tuple[Outcome, ...] = ()
    missing: tuple[str, ...] = ()
    elsewhere: bool = False
    versions: tuple[tuple[ref[Tensor], int], ...] = ()
    modules: dict[str, ref[nn.Module]] = field(default_factory=dict)

    def sites_in_order(self, model: nn.Module) -> list[Site | None]:
        """Return the site of each gate; None for those that hooks record."""
        found: dict[tuple[Any, ...], Site] = {}
        for gate in self.gates:
            if gate is not None and gate.site not in found:
                found[gate.site] = gate.made(model)
        return [None if gate is None else found[gate.site] for gate in self.gates]

    def moved(self, modules: Mapping[nn.Module, nn.Module]) -> Plan:
        """Return the plan of a copy of the network, which shares its parameters."""
        return replace(self, modules={path: ref(modules[found]) for path, found in self._alive()})

    def _alive(self) -> Iterator[tuple[str, nn.Module]]:
        found = ((path, reference()) for path, reference in self.modules.items())
        return ((path, module) for path, module in found if module is not None)


def make_plan(model: nn.Module, lesson: Lesson, own: Sequence[Site]) -> Plan:
    """Turn what a forward taught into a plan."""
    found = [gate for gate in lesson.gates if isinstance(gate, Found)]
    taps = {tap.at for gate in found if (tap := gate.judged.part.tap) is not None} | {gate.at for gate in found}
    relied_on = {number for gate in found for number in (*gate.one.factor.numbers, *gate.judged.part.source.numbers)}
    given, way = _given_numbers(relied_on), lesson.way
    scopes = {lesson.within[at].path for at in taps | given.keys() | way.keys()}
    quiet = _quiet(lesson, scopes) if scopes else set()
    numbers, counts = _counted(lesson, scopes | quiet)
    calls = _by_call(_actions(lesson, given, way), numbers)
    by_scope: dict[str, list[ScopeCall]] = {}
    for call in lesson.modules:
        if call.path in scopes:
            by_scope.setdefault(call.path, []).append(ScopeCall(calls.get((call.path, call.number), {}), counts[call]))
    paths = dict(model.named_modules())
    sites = name_gates(model, lesson.gates)
    return Plan(
        gates=tuple(_planned(gate, site) for gate, site in zip(lesson.gates, sites, strict=True)),
        scopes={path: tuple(several) for path, several in by_scope.items()},
        quiet=tuple(quiet),
        dormant=_dormant(paths, lesson),
        reads=lesson.reads,
        way=tuple(way.values()),
        why_none=None if lesson.gates else why_none(model, lesson),
        missing=_missing(model, lesson, own),
        elsewhere=lesson.elsewhere,
        versions=_versions(model) if any(number.stored for number in relied_on) else (),
        modules={path: ref(paths[path]) for path in [*by_scope, *quiet]},
    )


def _actions(
    lesson: Lesson, given: Mapping[int, Sequence[tuple[Path, float]]], way: Mapping[int, Outcome]
) -> dict[int, Action]:
    """Return what is done at each torch call at which something is done, by its number in the forward.

    Args:
        lesson: what the forward taught.
        given: numbers that must be the same, by their calls.
        way: what Python was told, by the calls.
    """
    uses: dict[int, tuple[list[tuple[int, Path, tuple[int, ...]]], list[int]]] = {}
    for index, gate in enumerate(lesson.gates):
        if isinstance(gate, OwnGate):
            continue
        tap = gate.judged.part.tap
        at, path = (gate.at, gate.one.factor_path) if tap is None else (tap.at, tap.path)
        uses.setdefault(at, ([], []))[0].append((index, path, gate.judged.part.source.shape))
        uses.setdefault(gate.at, ([], []))[1].append(index)
    made: dict[int, Action] = {}
    for at in uses.keys() | given.keys() | way.keys():
        func, (reads, multiplies) = lesson.functions[at], uses.get(at, ([], []))
        made[at] = Action(
            func, tuple(reads), tuple(multiplies), changes_in_place(func), tuple(given.get(at, ())), way.get(at)
        )
    return made


def _by_call(
    actions: Mapping[int, Action], numbers: Mapping[int, tuple[ModuleCall, int]]
) -> dict[tuple[str, int], dict[int, Action]]:
    """Sort actions by the calls of modules in which they are, and by the number of the torch call there."""
    calls: dict[tuple[str, int], dict[int, Action]] = {}
    for at, action in actions.items():
        scope, number = numbers[at]
        calls.setdefault((scope.path, scope.number), {})[number] = action
    return calls


def _dormant(paths: Mapping[str, nn.Module], lesson: Lesson) -> tuple[str, ...]:
    """Return the paths of modules that did not run; what runs inside of others unseen is not meant."""
    ran = {call.path for call in lesson.modules}
    opaque = {call.path for call in lesson.modules if call.opaque}
    return tuple(
        path
        for path, module in paths.items()
        if path not in ran
        and not any(path.startswith(f"{outer}.") for outer in opaque)
        and not isinstance(module, nn.ModuleList | nn.ModuleDict | torch.jit.ScriptModule)
    )


def _given_numbers(numbers: set[Number]) -> dict[int, list[tuple[Path, float]]]:
    """Return the numbers on which scales, shifts and bounds of gates depend, by their calls."""
    given: dict[int, list[tuple[Path, float]]] = {}
    for number in numbers:
        given.setdefault(number.at, []).append((number.path, number.value))
    return given


def _versions(model: nn.Module) -> tuple[tuple[ref[Tensor], int], ...]:
    """Note how often each number that the network stores was changed."""
    stored = [
        tensor
        for tensor in (*model.parameters(), *model.buffers())
        if tensor.numel() == 1 and tensor.is_floating_point()
    ]
    return tuple((ref(tensor), tensor._version) for tensor in stored if not tensor.is_inference())


def _missing(model: nn.Module, lesson: Lesson, own: Sequence[Site]) -> tuple[str, ...]:
    """Return the names of own gates whose module ran, and that were neither recorded nor found."""
    ran = {call.path for call in lesson.modules}
    fired = {gate.site for gate in lesson.gates if isinstance(gate, OwnGate)}
    owners = {gate.owner for gate in lesson.gates if isinstance(gate, Found)}
    paths = {module: name for name, module in model.named_modules()}
    return tuple(
        site.name for site in own if site not in fired and paths[site.gated] in ran and paths[site.gated] not in owners
    )


def _planned(gate: Found | OwnGate, site: Site) -> PlannedGate | None:
    """Return what is planned for a gate; None for one that a hook records."""
    if isinstance(gate, OwnGate):
        return None
    return PlannedGate(
        site=(site.name, site.block, site.kind, site.scale, site.shift, site.squashed, site.order),
        owner=gate.owner,
        reader=gate.judged.reader,
        inverse=gate.one.inverse,
        factor=gate.one.factor_path,
        map=gate.one.map_path,
    )


def _quiet(lesson: Lesson, scopes: set[str]) -> set[str]:
    """Choose modules inside the scopes in which counting would cost more than stepping aside."""
    inside: Counter[str] = Counter()
    holds_scope, nested, opaque = set(), set(), set()
    for call in lesson.within:
        outer: ModuleCall | None = call
        while outer is not None:
            inside[outer.path] += 1
            outer = outer.outer
    for call in lesson.modules:
        outer = call.outer
        while outer is not None:
            if call.path in scopes:
                holds_scope.add(outer.path)
            if outer.path in scopes:
                nested.add(call.path)
            outer = outer.outer
        if call.opaque or isinstance(call, OPAQUE):
            opaque.add(call.path)
    times = Counter(call.path for call in lesson.modules)
    large = {path for path in nested if inside[path] / times[path] >= _WORTH_IT} | (nested & opaque)
    large -= holds_scope | scopes
    tops = set()
    for call in lesson.modules:
        if call.path in large:
            outer = call.outer
            while outer is not None and outer.path not in large:
                outer = outer.outer
            if outer is None:
                tops.add(call.path)
    return tops


_WORTH_IT = 8  # torch calls for one module


def _counted(lesson: Lesson, hooked: set[str]) -> tuple[dict[int, tuple[ModuleCall, int]], dict[ModuleCall, int]]:
    """Number the torch calls within each call of a hooked module, from 1."""
    numbers: dict[int, tuple[ModuleCall, int]] = {}
    counts: dict[ModuleCall, int] = dict.fromkeys(lesson.modules, 0)
    for at, call in enumerate(lesson.within):
        outer: ModuleCall | None = call
        while outer is not None and outer.path not in hooked:
            outer = outer.outer
        if outer is not None:
            counts[outer] += 1
            numbers[at] = outer, counts[outer]
    return numbers, counts
