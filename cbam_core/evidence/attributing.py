"""Maps of several methods over one image, attributions of its gates, and how much the maps agree."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Unpack

import numpy as np
from jaxtyping import Float32

from cbam_core.arguments import COLLECTION, TEXT, takes
from cbam_core.errors import CaptureError, CbamError, Message, ModelError
from cbam_core.evidence import by_captum
from cbam_core.evidence.agreement import agreements, centre, edges
from cbam_core.evidence.gate_attribution import attribute_gates, gate_gradients
from cbam_core.evidence.subject import Subject, subject_of
from cbam_core.explanation.explaining import AnyNetwork
from cbam_core.explanation.inputs import AnyImage
from cbam_core.network import Stated
from cbam_core.render.overlay import cells_on_input, upsample
from cbam_core.results.attribution import Attribution, AttributionMap, GateAttribution
from cbam_core.results.explanation import Block, Explanation, Gate, own_copy
from cbam_core.results.frame import SQUARE, Fit, Square
from cbam_core.results.methods import METHODS
from cbam_core.results.placement import Placement
from cbam_core.steps import finished


@takes(ModelError, fit=TEXT, square=SQUARE.or_none, methods=COLLECTION)
def attribute(
    classifier: AnyNetwork,
    image: AnyImage | Explanation,
    fit: Fit = "crop",
    *,
    square: Square | None = None,
    methods: Collection[str] = METHODS,
    target: str | int | None = None,
    exact: bool | None = None,
    **stated: Unpack[Stated],
) -> Attribution:
    """Find what mattered for one logit of an image: maps of several methods, and numbers for every gate.

    Args:
        classifier: a network, as `explain` takes it; it is not changed, and several threads may use it at once.
        image: an image, as `explain` takes it, or its explanation by this network.
        fit: how the image is fitted to the network's input.
        square: for ``fit="square"``: left, top and side of the part, in pixels of the original.
        methods: codes of the maps to make, see `cbam_core.results.attribution.METHODS`.
        target: name or index of the class whose logit is asked about; None for the answer.
        exact: whether each channel and each cell of the gates is also replaced alone; None for where that is
            affordable.
        **stated: what is known about the network, as for `explain`.

    Returns:
        The maps, the attributions of the gates, and agreements. A method that does not work with this network is left
        out, and `left_out` says why.

    Raises:
        ModelError: the network has no classes, or not this one; there is no such method; or as for `explain`.
        CbamError: as for `explain`.
    """
    subject = subject_of(classifier, image, fit, square=square, target=target, stated=stated)
    steps = attribution_steps(subject, check_methods(methods), exact=exact)
    return finished(steps)


def check_methods(methods: Collection[str]) -> tuple[str, ...]:
    """Return codes of methods in the order in which they are shown.

    Raises:
        ModelError: there is no such method.
    """
    if unknown := [one for one in methods if one not in METHODS]:
        raise ModelError(
            "attribution.unknown-method",
            "there is no method {given}; there are {known}",
            given=repr(unknown[0])[:60],
            known=", ".join(METHODS),
        )
    return tuple(one for one in METHODS if one in methods)


def attribution_steps(
    subject: Subject, methods: Sequence[str] = METHODS, *, exact: bool | None = None, gates: bool = True
) -> Generator[int, None, Attribution]:
    """Do the work of `attribute` in steps, one for each method and each gate.

    Args:
        subject: the image and the class.
        methods: codes of the maps to make.
        exact: whether entries of gates are also replaced alone; None for where that is affordable.
        gates: whether gates get attributions.

    Yields:
        Number of steps that are done.

    Returns:
        What was found.
    """
    maps: list[AttributionMap] = []
    found: list[GateAttribution] = []
    left_out: dict[str, Message] = {}
    for method in methods:
        try:
            maps.append(_finite(_MAKERS[method](subject)))
        except CbamError as error:
            left_out[method] = error.message
        yield len(maps) + len(left_out)
    if gates and not (reason := _no_gates(subject)):
        try:
            for one in attribute_gates(subject, exact=exact):
                found.append(_finite_gate(one))
                yield len(methods) + len(found)
        except CbamError as error:
            left_out["gates"] = error.message
    elif gates and reason:
        left_out["gates"] = reason
    return attribution_of(subject, maps, found, left_out)


def _not_finite() -> CaptureError:
    return CaptureError(
        "attribution.not-finite",
        "some values here are not finite but NaN or infinity, for a gate or a gradient of the network is so",
    )


def _finite(one: AttributionMap) -> AttributionMap:
    """Check that a map can be drawn.

    Raises:
        CaptureError: it holds NaN or infinity.
    """
    if not np.isfinite(one.values).all():
        raise _not_finite()
    return one


def _finite_gate(one: GateAttribution) -> GateAttribution:
    """Leave a gate out of which some numbers are NaN or infinity."""
    numbers = (one.gate.values, one.gradient, one.integrated, one.exact, one.whole)
    if one.left_out is not None or all(np.isfinite(each).all() for each in numbers if each is not None):
        return one
    return GateAttribution(one.gate, one.placement, own_copy(np.zeros((0,))), left_out=_not_finite().message)


def attribution_of(
    subject: Subject,
    maps: Sequence[AttributionMap],
    gates: Sequence[GateAttribution],
    left_out: Mapping[str, Message] = MappingProxyType({}),
) -> Attribution:
    """Put together what was found, with the agreements of all maps."""
    explanation = subject.explanation
    height, width = explanation.input_image.shape[:2]
    controls = {"centre": centre((width, height)), "edges": edges(explanation.input_image)}
    compared: dict[str, np.ndarray] = {one.method: on_input(one, (width, height)) for one in maps}
    return Attribution(
        explanation=explanation,
        target=explanation.classes[subject.index],
        index=subject.index,
        logit=_logit(subject),
        maps=tuple(maps),
        gates=tuple(gates),
        agreements=agreements({**compared, **controls}),
        controls=controls,
        left_out=dict(left_out),
    )


def on_input(one: AttributionMap, size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """Return a map's value at each pixel of the input: that of the cell which is drawn there.

    Args:
        one: the map.
        size: (width, height) of the input.
    """
    return own_copy(upsample(one.values, cells_on_input(one.placement), size))


def last_mask(explanation: Explanation) -> tuple[Block, Gate] | None:
    """Return the last spatial mask of an explanation, and its block; None where it has none."""
    masks = [
        (block, gate)
        for block in explanation.blocks
        for gate in block.gates
        if gate.kind == "spatial" and gate.values.ndim == 2
    ]
    return masks[-1] if masks else None


def _mask(subject: Subject) -> AttributionMap:
    block, gate = _found_mask(subject)
    return AttributionMap("mask", gate.values, _place(subject, block, gate), gate.name)


def _mask_gradient(subject: Subject) -> AttributionMap:
    """Return the mask times its gradient: the sum over channels of the masked map times its gradient (HiResCAM).

    The map after a mask is the map before it times the mask, so both are equal. Source: R. Draelos and L. Carin, *Use
    HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks*, 2020.
    """
    block, gate = _found_mask(subject)
    gradient = gate_gradients(subject).get(gate.name)
    if gradient is None:
        raise CaptureError("attribution.no-gradient", "no gradient of the logit reaches gate {gate}", gate=gate.name)
    multiplier = gate.values + gate.shift / gate.scale
    return AttributionMap("mask_gradient", own_copy(multiplier * gradient), _place(subject, block, gate), gate.name)


def _found_mask(subject: Subject) -> tuple[Block, Gate]:
    found = last_mask(subject.explanation)
    if found is None:
        raise CaptureError("attribution.no-mask", "this network has no spatial mask")
    return found


def _place(subject: Subject, block: Block, gate: Gate) -> Placement:
    cells = (gate.values.shape[0], gate.values.shape[1])
    if block.placement is not None:
        return block.placement.shared_by(cells)
    height, width = subject.explanation.input_image.shape[:2]
    return Placement.stretched(cells, (height, width))


def _no_gates(subject: Subject) -> Message | None:
    """Say why no gate can have an attribution; None where gates can."""
    if not subject.explanation.blocks:
        return Message("attribution.no-gates", "this network has no gates, so there is nothing to attribute to them")
    if subject.network.usual is None:
        return Message(
            "attribution.no-usual-values",
            "the usual values of this network's gates are not known, and what an entry adds is measured against them: "
            "compute them with 'cbam usual'",
        )
    return None


def _logit(subject: Subject) -> float:
    import torch

    with torch.inference_mode():
        return float(subject.scores(subject.batch))


_MAKERS: Mapping[str, Callable[[Subject], AttributionMap]] = MappingProxyType(
    {
        "mask": _mask,
        "mask_gradient": _mask_gradient,
        "grad_cam": by_captum.grad_cam,
        "integrated_gradients": by_captum.integrated_gradients,
        "occlusion": by_captum.occlusion,
    }
)
