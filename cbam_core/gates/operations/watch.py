"""Recording the gates of any network, in the forwards of one thread."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import get_ident
from typing import Any

from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates.hooks import HookEntry, Hooks
from cbam_core.gates.operations.counting import NOBODY, Counter, Observers
from cbam_core.gates.operations.isolation import Inputs, copied_inputs, random_state_kept
from cbam_core.gates.operations.known import Ways, forget, likely_plan, plan_for
from cbam_core.gates.operations.plan import Plan, PlannedGate
from cbam_core.gates.operations.switching import others_hidden
from cbam_core.gates.operations.twin import structural_copy
from cbam_core.gates.operations.ways import Outcome
from cbam_core.gates.sites import Site

Seen = list[tuple[Site, Tensor]]

_TRIED = 2  # ways that a forward may have gone, by what it was told


class OperationWatch:
    """Reads the gates of one network that operations show, beside those that hooks record.

    Args:
        model: the network.
        own: gates that hooks record.
        keep: function that makes the copy of a gate that is kept.
        grad: whether copies keep their graph, so that a forward cannot be repeated on a copy of the network.
        repeats: whether this is such a repetition.
        observers: what else is told of the gates.
        preset: plan to follow; None for that of the network.
    """

    def __init__(
        self,
        model: nn.Module,
        own: Sequence[Site],
        keep: Callable[[Tensor], Tensor],
        *,
        grad: bool = False,
        repeats: bool = False,
        observers: Observers = NOBODY,
        preset: Plan | None = None,
    ) -> None:
        self._model, self._own, self._keep = model, own, keep
        self._grad, self._repeats = grad, repeats
        self._observers = replace(observers, joined=grad)
        self._hooks = Hooks()
        self._thread = get_ident()
        self._plan: Plan | None = None
        self._counter: Counter | None = None
        self._inputs: Inputs = ((), {})
        self._error: Exception | None = None
        self._preset = preset
        self._ways: Ways | None = None

    def start(self, inputs: Inputs) -> None:
        """Get ready for a forward with these inputs, and learn where its gates are where that is not known."""
        self._end_forward()
        self._error = None
        try:
            with others_hidden():  # modes of other watchers count the calls of the network alone
                self._inputs = copied_inputs(inputs)
                plan = self._plan_of(inputs)
        except CaptureError:
            raise
        except Exception as error:  # what the forward itself raises, the real one raises again
            self._error = error
            return
        if plan is not self._plan:
            self._hooks.remove()
            self._plan = plan
            self._hooks.register(self._entries(plan))
        self._counter = Counter(plan, self._keep, self._observers)
        if "" in plan.scopes:
            self._counter.enter("")

    def _plan_of(self, inputs: Inputs) -> Plan:
        self._ways = None
        if self._preset is not None:
            return self._preset
        if not self._can_repeat:
            return plan_for(self._model, inputs, self._own)
        plan, self._ways = likely_plan(self._model, inputs, self._own)
        return plan

    def complete(self, own: Seen) -> tuple[Seen, str | None]:
        """Return all gates of the forward in order, and why there are none.

        Args:
            own: gates that hooks recorded.

        Raises:
            CaptureError: the forward went another way than any that was learnt.
        """
        counter, self._counter = self._counter, None
        if counter is None:
            raise self._not_learnt()
        if "" in counter.plan.scopes:
            counter.leave("")
        plan = counter.plan
        if plan.elsewhere and not own and not counter.values:
            if self._own:
                return [], None
            raise _ran_elsewhere()
        if plan.missing:
            raise _never_fired(plan.missing)
        ways = self._ways
        if not counter.finish() or len(own) != plan.gates.count(None):
            with others_hidden():
                if ways is not None:
                    return self._by_another_way(ways, counter.told)
                forget(self._model)
                return self._again()
        if ways is not None:
            ways.take(plan)
        sites = plan.sites_in_order(self._model)
        hooked = iter(own)
        seen = [next(hooked) if site is None else (site, counter.values[index]) for index, site in enumerate(sites)]
        return seen, plan.why_none

    @property
    def _can_repeat(self) -> bool:
        return not self._repeats and not self._model.training and self._observers.nobody

    def _by_another_way(self, ways: Ways, told: Sequence[Outcome | None]) -> tuple[Seen, str | None]:
        """Record on a copy a forward that did not go the likely way: by one that is known, else by one learnt now."""
        known = ways.beginning_with([outcome for outcome in told if outcome is not None])
        for plan in known[:_TRIED]:
            try:
                found = self._again(plan)
            except CaptureError:
                continue
            ways.take(plan)
            return found
        return self._again(plan_for(self._model, self._inputs, self._own))

    def _again(self, plan: Plan | None = None) -> tuple[Seen, str | None]:
        """Record the forward on a copy, by a plan, or one that is learnt anew."""
        if not self._can_repeat:
            raise _unsteady()
        twin, twins = structural_copy(self._model)
        twin._forward_pre_hooks.clear()  # the inputs have been through those of the network
        back = {copied: module for module, copied in twins.items()}
        preset = None if plan is None else plan.moved(twins)
        again = OperationWatch(twin, (), self._keep, repeats=True, preset=preset)
        with random_state_kept(self._model):
            args, kwargs = copied_inputs(self._inputs)
            again.start(self._inputs)
            try:
                twin(*args, **kwargs)
                seen, why_none = again.complete([])
            finally:
                again.close()
        return [(_returned(site, back), values) for site, values in seen], why_none

    @property
    def learnt(self) -> bool:
        """Whether the gates of the forward that runs are known; else its own error is about to be raised."""
        return self._counter is not None

    @property
    def sites(self) -> list[Site]:
        """Sites of the gates that operations show in the forward that runs, each once, in order of execution."""
        if self._counter is None:
            return []
        found = self._counter.plan.sites_in_order(self._model)
        return list(dict.fromkeys(site for site in found if site is not None))

    def site(self, index: int) -> Site:
        """Return the site of a gate by its position in the plan of the forward that runs."""
        return self.planned(index).made(self._model)

    def planned(self, index: int) -> PlannedGate:
        """Return a gate by its position in the plan of the forward that runs.

        Raises:
            CaptureError: the gates of this forward are not known.
        """
        if self._counter is None:
            raise self._not_learnt()
        return self._counter.gate(index)

    def finish(self) -> None:
        """End a forward of which nothing was recorded, and check that it went as planned.

        Raises:
            CaptureError: it went another way.
        """
        counter, self._counter = self._counter, None
        if counter is None:
            raise self._not_learnt()
        if "" in counter.plan.scopes:
            counter.leave("")
        if not counter.finish():
            forget(self._model)
            raise _unsteady()

    def close(self) -> None:
        """Remove all hooks, also after an error."""
        self._end_forward()
        self._hooks.remove()

    def _end_forward(self) -> None:
        if self._counter is not None:
            self._counter.turn_off()
            self._counter = None

    def _entries(self, plan: Plan) -> list[HookEntry]:
        entries: list[HookEntry] = []
        modules = {path: reference() for path, reference in plan.modules.items()}
        for path, module in modules.items():
            if module is not None:
                if path:
                    step = "enter" if path in plan.scopes else "rest"
                    entries.append((module._forward_pre_hooks, partial(self._step, step, path)))
                leaving = partial(self._step, "leave", path)
                entries.append((module._forward_hooks, leaving, module._forward_hooks_always_called))
        dormant = map(self._model.get_submodule, plan.dormant)
        return [*entries, *((module._forward_pre_hooks, self._woken) for module in dormant)]

    def _step(self, step: str, path: str, *_call: Any) -> None:
        if self._counter is not None and get_ident() == self._thread:
            getattr(self._counter, step)(path)

    def _woken(self, *_call: Any) -> None:
        if self._counter is not None and get_ident() == self._thread:
            self._counter.stale = True

    def _not_learnt(self) -> CaptureError:
        return CaptureError(
            "capture.not-learnt",
            "the gates of this network could not be looked for, because a forward of its copy failed: {reason}",
            reason=f"{type(self._error).__name__}: {self._error}"[:200],
        )


def _returned(site: Site, modules: Mapping[nn.Module, nn.Module]) -> Site:
    """Return a site of a copy as that of the network."""
    return site._replace(tap=modules.get(site.tap, site.tap), gated=modules.get(site.gated, site.gated))


def _never_fired(names: Sequence[str]) -> CaptureError:
    return CaptureError(
        "capture.never-fired",
        "{names} ran without a gate that can be recorded: its sigmoid was not called, and no other gate multiplied a "
        "feature map in it",
        names=", ".join(names),
    )


def _ran_elsewhere() -> CaptureError:
    return CaptureError(
        "capture.elsewhere",
        "parts of the model ran in another thread, where gates cannot be recorded: capture the plain module, not one "
        "spread over several devices or threads",
    )


def _unsteady() -> CaptureError:
    if "torch._dynamo" in sys.modules:
        return CaptureError(
            "capture.unsteady-or-compiled",
            "this forward took another way through the network than the one in which its gates were looked for, so the "
            "record would not be complete: run it again, or without torch.compile where a part of it is compiled",
        )
    return CaptureError(
        "capture.unsteady",
        "this forward took another way through the network than the one in which its gates were looked for, so the "
        "record would not be complete: run it again",
    )
