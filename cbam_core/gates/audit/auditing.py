"""The audit of a network: one forward that is followed, and gates of made-up maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from cbam_core.arguments import WHOLE, list_of, takes
from cbam_core.errors import CaptureError, CbamError, ModelError
from cbam_core.gates.audit.combining import combine
from cbam_core.gates.audit.costs import median_milliseconds, milliseconds_of, multiply_adds_of, parameters_of
from cbam_core.gates.audit.deviations import deviations_of
from cbam_core.gates.audit.probing import probe
from cbam_core.gates.audit.reading import read
from cbam_core.gates.audit.slices import Slice, slices_of, views_back, views_on
from cbam_core.gates.audit.styles import style_of, unknown_of
from cbam_core.gates.audit.tracing import Trace, trace
from cbam_core.gates.operations.functions import UNCHANGED, VIEWS
from cbam_core.gates.operations.tensors import Tracked
from cbam_core.nn.cbam import MODULE
from cbam_core.nn.registry import input_channels
from cbam_core.own_code import failed_forward
from cbam_core.results.audit import Audit, BlockAudit, GateAudit, Order
from cbam_core.results.block_names import joined

REPEATS = 9
"""Number of timed runs by default."""


SIZE = list_of("(width, height) in pixels", WHOLE, 2)
"""Kind of argument."""


@takes(ModelError, model=MODULE, input_size=SIZE, repeats=WHOLE)
def audit_network(model: nn.Module, input_size: tuple[int, int], *, name: str = "", repeats: int = REPEATS) -> Audit:
    """Say what each block of a network is made of, where it differs from the paper, and what it costs.

    The network is not touched: a copy runs, and parts of it run again on made-up maps.

    Args:
        model: a network for images.
        input_size: (width, height) of its input in pixels.
        name: name of the network.
        repeats: number of timed forwards, and of timed runs of each block; 0 to measure no time.

    Raises:
        CaptureError: the model is compiled, scripted or exported, or in training mode.
        ModelError: the network does not accept the size.
    """
    if model.training:
        raise CaptureError(
            "audit.training",
            "the network is in training mode, in which norms and dropout compute something else: call model.eval() "
            "first",
        )
    width, height = input_size
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1, input_channels(model), height, width, generator=generator)
    blocks = audit_blocks(_followed(model, images, name), repeats)
    forward = _forward_time(model, images, repeats) if repeats else None
    why = None if blocks else f"No gate was found in {type(model).__name__}."
    return Audit(name, input_size, blocks, forward, repeats, why)


def _followed(model: nn.Module, images: torch.Tensor, name: str) -> Trace:
    try:
        return trace(model, images.to(_device(model)))
    except CbamError:
        raise
    except Exception as error:  # a network of somebody else can raise anything
        shape = "x".join(map(str, images.shape))
        raise failed_forward(name or type(model).__name__, shape, images.dtype, error) from error


def audit_blocks(followed: Trace, repeats: int = 0) -> tuple[BlockAudit, ...]:
    """Say what each block of a forward that was followed is made of.

    Args:
        followed: the forward, of one image.
        repeats: number of timed runs of each block; 0 to measure no time.
    """
    return tuple(_block(followed, cuts, repeats) for cuts in blocks_of(followed))


def _device(model: nn.Module) -> torch.device:
    return next((one.device for one in model.parameters()), torch.device("cpu"))


def _forward_time(model: nn.Module, images: torch.Tensor, repeats: int) -> float:
    def forward() -> Any:
        return model(images.to(_device(model)))

    with torch.no_grad():
        return median_milliseconds(forward, repeats)


def blocks_of(followed: Trace) -> list[list[Slice]]:
    """Put the gates of each block together: those that share one, and a mask right behind channel weights."""
    by_name: dict[str, list[Slice]] = {}
    for cut in slices_of(followed):
        if cut.gate.judged.part.source.softmax is not None and (not cut.whole or cut.other):
            continue  # shares among branches
        by_name.setdefault(cut.site.block, []).append(cut)
    blocks: list[list[Slice]] = []
    for cuts in by_name.values():
        if blocks and _completes(followed, blocks[-1], cuts):
            blocks[-1] = [*blocks[-1], *cuts]
        else:
            blocks.append(cuts)
    return blocks


def _completes(followed: Trace, first: Sequence[Slice], second: Sequence[Slice]) -> bool:
    if len(first) != 1 or len(second) != 1:
        return False
    kinds = {first[0].site.kind, second[0].site.kind}
    return kinds == {"channel", "spatial"} and follows(followed, second[0], first[0])


def follows(followed: Trace, second: Slice, first: Slice) -> bool:
    """Check whether one gate multiplies the product of another."""
    return any(followed.makers.get(one) is first.product for one in views_back(followed, second.map))


def _order(followed: Trace, cuts: Sequence[Slice]) -> Order:
    kinds = [cut.site.kind for cut in cuts]
    if len(cuts) == 1:
        return "channel" if kinds == ["channel"] else "spatial" if kinds == ["spatial"] else "one gate"
    if len(cuts) != 2 or set(kinds) != {"channel", "spatial"}:
        return "other"
    if follows(followed, cuts[1], cuts[0]):
        return "channel, spatial" if kinds[0] == "channel" else "spatial, channel"
    same = views_back(followed, cuts[0].map)[-1] is views_back(followed, cuts[1].map)[-1]
    return "side by side" if same or cuts[0].product is cuts[1].product else "other"


def _block(followed: Trace, cuts: Sequence[Slice], repeats: int) -> BlockAudit:
    order = _order(followed, cuts)
    readings = [read(cut) for cut in cuts]
    gates = tuple(combine(cut, reading, probe(cut)) for cut, reading in zip(cuts, readings, strict=True))
    residual = _is_residual(followed, cuts)
    return BlockAudit(
        name=joined([cut.site.block for cut in cuts]),
        style=style_of(gates, order),
        order=order,
        gates=gates,
        residual=residual,
        deviations=deviations_of(gates, order, residual=residual),
        unknown=_unknown(gates),
        parameters=parameters_of(cuts),
        multiply_adds=multiply_adds_of(cuts),
        milliseconds=milliseconds_of(cuts, repeats) if repeats else None,
    )


def _unknown(gates: Sequence[GateAudit]) -> tuple[Any, ...]:
    return tuple(message for gate in gates for message in unknown_of(gate))


def _is_residual(followed: Trace, cuts: Sequence[Slice]) -> bool:
    """Check whether the map that enters a block is added to what leaves it."""
    entry = views_on(followed, views_back(followed, cuts[0].map)[-1])
    left = _onward(followed, {made for cut in cuts for _, made in cut.product.outputs})
    return any(
        step.name in ("add", "sub") and left.intersection(step.inputs) and entry.intersection(step.inputs)
        for step in followed.steps.values()
    )


def _onward(followed: Trace, tensors: set[Tracked]) -> set[Tracked]:
    """Return tensors, their views, and multiples by a constant."""
    found = set(tensors)
    for step in followed.steps.values():
        plain = step.name in VIEWS | UNCHANGED or (step.name == "mul" and len(step.inputs) == 1)
        joins = step.name in ("add", "maximum") and found.issuperset(step.inputs)
        if (plain and found.intersection(step.values_from)) or joins:
            found.update(made for _, made in step.outputs)
    return found
