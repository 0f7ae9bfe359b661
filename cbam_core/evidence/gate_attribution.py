"""What does each entry of a gate add to a logit, against its usual value? By gradient, integrated, and exactly.

The usual value is the only baseline that the later layers know: against 0 or 1, an attribution would mostly say how
the network reacts to features of another size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from cbam_core.errors import EditError, Message
from cbam_core.evidence.subject import Subject, gradients
from cbam_core.evidence.trust import can_grow, run_edits
from cbam_core.gates import Only, Target, Usual, capture, edit
from cbam_core.gates.joining import JoinedEdit
from cbam_core.results.attribution import GateAttribution
from cbam_core.results.explanation import Gate, own_copy
from cbam_core.results.placement import Placement

STEPS = 8
"""Points between the usual values and those here at which the gradient is taken."""

EXACT_ENTRIES = 2_000
"""Most entries of all gates of a network that are ablated one by one unless asked for, of an image of 32x32 pixels."""

ROWS = 64
"""Most rows of an image of 32x32 pixels in one forward, fewer for larger ones, so that memory has a limit."""


def gate_gradients(subject: Subject) -> Mapping[str, Float32[np.ndarray, ...]]:
    """Return the gradient of the logit with respect to every gate that has one, by the gate's name.

    It is the total one: gates after a gate answer to its change.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
    """
    with gradients(), capture(subject.network.model, grad=True) as record:
        score = subject.scores(subject.batch.clone().requires_grad_()).sum()
        values = {gate.name: gate.values for gate in record.gates if gate.values.requires_grad}
        if not values:
            return {}
        found = torch.autograd.grad(score, list(values.values()), allow_unused=True)
    return {
        name: own_copy((torch.zeros_like(value) if gradient is None else gradient)[0].cpu().numpy())
        for (name, value), gradient in zip(values.items(), found, strict=True)
    }


def attribute_gates(subject: Subject, *, exact: bool | None = None) -> Iterator[GateAttribution]:
    """Yield the attribution of each gate, in order of execution.

    Args:
        subject: the image and the class.
        exact: whether each entry is also replaced alone, which takes a forward for each; None for where it is
            affordable, see `is_affordable`.

    Raises:
        CbamError: as for `gate_gradients`.
    """
    ablates = is_affordable(subject) if exact is None else exact
    at_once = rows_at_once(subject)
    for block in subject.explanation.blocks:
        for gate in block.gates:
            placement = block.placement if gate.kind in ("spatial", "full") else None
            refused = _refused(gate)
            if refused is not None:
                yield GateAttribution(gate, placement, own_copy(np.zeros((0,))), left_out=refused)
                continue
            try:
                yield _attributed(subject, gate, placement, ablates, at_once)
            except EditError as error:
                if error.code != _ALONE:
                    raise
                yield _by_gradient(subject, gate, placement)


def _attributed(
    subject: Subject, gate: Gate, placement: Placement | None, ablates: bool, at_once: int
) -> GateAttribution:
    gradient, integrated, whole = _on_the_way(subject, gate, at_once)
    alone = _exact(subject, gate, at_once) if ablates else None
    return GateAttribution(gate, placement, gradient, integrated, alone, whole)


def _by_gradient(subject: Subject, gate: Gate, placement: Placement | None) -> GateAttribution:
    """Return the attribution of a gate that cannot be replaced, but has a gradient."""
    found = gate_gradients(subject).get(gate.name)
    if found is None:
        reason = Message("attribution.no-gradient", "no gradient of the logit reaches gate {gate}", {"gate": gate.name})
        return GateAttribution(gate, placement, own_copy(np.zeros((0,))), left_out=reason)
    return GateAttribution(gate, placement, own_copy(found * (gate.values - _usual(gate))))


_ALONE = "edit.not-alone"
"""Code of the error of a gate that is part of a larger tensor: it has a gradient, but cannot be replaced."""


def is_affordable(subject: Subject) -> bool:
    """Check that every entry of every gate can be replaced alone in a few seconds, by their number and the input's."""
    entries = sum(gate.values.size for block in subject.explanation.blocks for gate in block.gates)
    return entries * subject.pixels <= EXACT_ENTRIES * 32 * 32


def rows_at_once(subject: Subject) -> int:
    """Return how many rows of an image may share a forward: one where rows of this network see each other."""
    most = max(1, ROWS * 32 * 32 // subject.pixels)
    return most if most == 1 or _rows_are_apart(subject) else 1


def _rows_are_apart(subject: Subject) -> bool:
    """Check that an image's logit does not depend on the other rows of a batch."""
    with torch.inference_mode():
        alone = subject.scores(subject.batch)
        beside = subject.scores(torch.cat([subject.batch, subject.batch / 2]))[:1]
    return bool((alone - beside).abs().max() <= 1e-4 * max(1.0, float(alone.abs().max())))


def _refused(gate: Gate) -> Message | None:
    """Say why a gate has no attribution; None where it has one."""
    named = {"gate": gate.name}
    if gate.usual is None:
        return Message("attribution.no-usual", "the usual values of gate {gate} are not known", named)
    if gate.usual.mean.shape != gate.values.shape:
        return Message("attribution.other-shape", "gate {gate} has another size here than its usual values", named)
    return None


def _usual(gate: Gate) -> Float32[np.ndarray, ...]:
    if gate.usual is None:
        raise ValueError(f"the usual values of {gate.name} are not known")
    return gate.usual.mean


@dataclass(eq=False)
class _OnTheWay:
    """A replacement by points between the usual values and those here, one for each row, which keeps them.

    Attributes:
        shares: how far each row is on the way, in [0, 1]: 0 is usual, and 1 is here.
        points: the points, once the replacement was made.
    """

    shares: Sequence[float]
    usual: Float32[np.ndarray, ...]
    points: Tensor = field(default_factory=lambda: torch.zeros(0))

    def __call__(self, gate: Target) -> Tensor:
        here = gate.values.detach()
        usual = gate.fitted(self.usual)
        share = torch.tensor(self.shares).to(here).reshape(-1, *[1] * (here.ndim - 1))
        self.points = (usual + share * (here - usual)).requires_grad_()
        return self.points


def _on_the_way(
    subject: Subject, gate: Gate, at_once: int
) -> tuple[Float32[np.ndarray, ...], Float32[np.ndarray, ...], float]:
    """Return a gate's attribution by the gradient here, that by the midpoint rule, and the logit's whole difference."""
    shares = [0.0, *((step + 0.5) / STEPS for step in range(STEPS)), 1.0]
    parts = [_OnTheWay(shares[start : start + at_once], _usual(gate)) for start in range(0, len(shares), at_once)]
    found, scores = zip(*(_gradient_at(subject, gate.name, part) for part in parts), strict=True)
    gradient, score = np.concatenate(found), np.concatenate(scores)
    moved = gate.values - _usual(gate)
    return own_copy(gradient[-1] * moved), own_copy(gradient[1:-1].mean(axis=0) * moved), float(score[-1] - score[0])


def _gradient_at(
    subject: Subject, name: str, way: _OnTheWay
) -> tuple[Float64[np.ndarray, "rows ..."], Float64[np.ndarray, " rows"]]:
    """Return the gradient with respect to a gate at each point of a way, and the logit there."""
    with gradients(), edit(subject.network.model, {name: way}):
        scores = subject.scores(subject.repeated(len(way.shares)))
        found = None
        if scores.requires_grad:  # else the logit does not depend on this gate
            found = torch.autograd.grad(scores.sum(), way.points, allow_unused=True)[0]
    gradient = torch.zeros_like(way.points) if found is None else found
    return gradient.detach().double().cpu().numpy(), scores.detach().double().cpu().numpy()


def _exact(subject: Subject, gate: Gate, at_once: int) -> Float32[np.ndarray, ...]:
    """Return the logit here minus that with one entry usual, for each entry."""
    if at_once > 1 and gate.kind in ("channel", "spatial") and can_grow(subject.network.model, subject.batch):
        return _by_joining(subject, gate)
    with torch.inference_mode():
        here = float(subject.scores(subject.batch))
        found = [float(score) for part in _parts(gate.values.size, at_once) for score in _alone(subject, gate, part)]
    return own_copy((here - np.array(found)).astype(np.float32).reshape(gate.values.shape))


def _by_joining(subject: Subject, gate: Gate) -> Float32[np.ndarray, ...]:
    edits = [JoinedEdit({gate.name: _one_usual(gate, entry)}) for entry in range(gate.values.size)]
    rows, _ = run_edits(subject.network.model, subject.batch, edits, subject.network.usual)
    scores = subject.scores_in(rows, len(rows)).double().cpu().numpy()
    return own_copy((scores[0] - scores[1:]).astype(np.float32).reshape(gate.values.shape))


def _one_usual(gate: Gate, entry: int) -> Only:
    place = tuple(int(number) for number in np.unravel_index(entry, gate.values.shape))
    usual = Usual(_usual(gate))
    return Only(usual, channels=place) if gate.kind == "channel" else Only(usual, cells=[(place[0], place[1])])


def _parts(count: int, size: int) -> Iterator[range]:
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def _alone(subject: Subject, gate: Gate, entries: range) -> list[float]:
    """Return the logit of each row, in each of which one entry of a gate is usual."""

    def one_each(target: Target) -> Tensor:
        values, usual = target.values.clone().flatten(1), target.fitted(_usual(gate)).flatten(1)
        for row, entry in enumerate(entries):
            values[row, entry] = usual[row, entry]
        return values.reshape(target.values.shape)

    with edit(subject.network.model, {gate.name: one_each}):
        found: list[float] = subject.scores(subject.repeated(len(entries))).tolist()
    return found
