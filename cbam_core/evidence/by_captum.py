"""Grad-CAM, Integrated Gradients and occlusion by captum, which is imported when one of them is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.errors import CaptureError, CbamError
from cbam_core.evidence.subject import Subject, gradients
from cbam_core.gates.operations.twin import structural_copy
from cbam_core.observing import placements
from cbam_core.results.attribution import AttributionMap
from cbam_core.results.block_names import modules_of
from cbam_core.results.explanation import own_copy
from cbam_core.results.placement import Placement

IG_STEPS = 64
"""Points between a mean-coloured image and this one at which Integrated Gradients takes the gradient."""

WINDOW = 8
"""Occluded squares along each side of the input, if they did not overlap."""

FINE = 64
"""Longest side of an input, in pixels, over which the occluded square moves by half its side, and not by all of it."""

ROWS = 32
"""Most rows of an image of 32x32 pixels in one forward, fewer for larger ones."""

PIXELS = Placement((0.0, 0.0), (1.0, 1.0))
"""Placement of a map with one cell for each pixel of the input."""


def grad_cam(subject: Subject) -> AttributionMap:
    """Return Grad-CAM at the output of the last block, or of the last convolution where there is no block.

    Source: R. Selvaraju et al., *Grad-CAM*, ICCV 2017.

    Raises:
        CaptureError: no layer gives a map.
        CbamError: captum is not installed.
    """
    attr = _captum()
    copy, _ = structural_copy(subject.network.model)  # captum leaves hooks on it while it computes, for any thread
    name, shape = _layer(subject, copy)
    with gradients():
        method = attr.LayerGradCam(_scores(subject, copy), copy.get_submodule(name))
        found = method.attribute(subject.batch.clone(), relu_attributions=True)
    values = own_copy(found[0, 0].detach().float().cpu().numpy())
    return AttributionMap("grad_cam", values, _placement(subject, name, shape), name)


def integrated_gradients(subject: Subject) -> AttributionMap:
    """Return Integrated Gradients from an image of the mean colour to this one, summed over colours.

    Source: M. Sundararajan et al., *Axiomatic Attribution for Deep Networks*, ICML 2017.

    Raises:
        CbamError: captum is not installed.
    """
    method = _captum().IntegratedGradients(_scores(subject))
    with gradients():
        found, error = method.attribute(
            subject.batch.clone(),
            baselines=torch.zeros_like(subject.batch),
            n_steps=IG_STEPS,
            internal_batch_size=_rows(subject),
            return_convergence_delta=True,
        )
    return AttributionMap("integrated_gradients", _summed(found), PIXELS, error=float(error[0]))


def occlusion(subject: Subject) -> AttributionMap:
    """Return what the logit loses where a square of the mean colour covers the image, mean over all squares.

    Source: M. Zeiler and R. Fergus, *Visualizing and Understanding Convolutional Networks*, ECCV 2014.

    Raises:
        CbamError: captum is not installed.
    """
    planes, height, width = subject.batch.shape[1:]
    window = max(1, height // WINDOW), max(1, width // WINDOW)
    step = [max(1, side // 2) if max(height, width) <= FINE else side for side in window]
    method = _captum().Occlusion(_scores(subject))
    with torch.inference_mode():
        found = method.attribute(
            subject.batch,
            sliding_window_shapes=(planes, *window),
            strides=(planes, *step),
            baselines=0,
            perturbations_per_eval=_rows(subject),
        )
    return AttributionMap("occlusion", _summed(found / planes), PIXELS)


def _captum() -> Any:
    """Import captum.

    Raises:
        CbamError: it is not installed.
    """
    try:
        from captum import attr
    except ModuleNotFoundError as error:
        raise CbamError(
            "attribution.no-captum",
            "this map is made by captum, which is not installed: run pip install 'cbam-lens[evidence]'",
        ) from error
    return attr


def _scores(subject: Subject, model: nn.Module | None = None) -> Callable[[Tensor], Tensor]:
    return lambda batch: subject.scores(batch, model)


def _rows(subject: Subject) -> int:
    return max(1, ROWS * 32 * 32 // subject.pixels)


def _summed(attributions: Tensor) -> Float[np.ndarray, "h w"]:
    """Sum over the planes of the input: (1, C, H, W) -> (H, W)."""
    return own_copy(attributions[0].sum(dim=0).detach().float().cpu().numpy())


def _layer(subject: Subject, model: nn.Module) -> tuple[str, tuple[int, int]]:
    """Return the name of the last block, or convolution, whose output is one map, and the size of that.

    What has one channel or one cell is taken where there is nothing else: a mask, or channel weights.

    Raises:
        CaptureError: there is none.
    """
    seen: dict[str, tuple[int, int, int]] = {}
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: _see(seen, name, output))
        for name, module in model.named_modules()
        if name
    ]
    try:
        with torch.inference_mode():
            model(subject.batch)
    finally:
        for hook in hooks:
            hook.remove()
    blocks = [path for block in reversed(subject.explanation.blocks) for path in modules_of(block.name)]
    convolutions = [name for name in reversed(seen) if isinstance(model.get_submodule(name), nn.Conv2d)]
    names = [name for name in (*blocks, *convolutions) if name in seen]
    if not names:
        raise CaptureError("attribution.no-layer", "no layer of this network gives a map that Grad-CAM could weigh")
    name = next((name for name in names if seen[name][0] > 1 and seen[name][1:] != (1, 1)), names[0])
    return name, seen[name][1:]


def _see(seen: dict[str, tuple[int, int, int]], name: str, output: Any) -> None:
    if isinstance(output, Tensor) and output.ndim == 4 and output.is_floating_point():
        seen.pop(name, None)  # in order of the last call
        seen[name] = (int(output.shape[1]), int(output.shape[2]), int(output.shape[3]))


def _placement(subject: Subject, layer: str, cells: tuple[int, int]) -> Placement:
    height, width = subject.explanation.input_image.shape[:2]
    known = placements(subject.network.model, (width, height)).get(layer)
    return Placement.stretched(cells, (height, width)) if known is None else known.shared_by(cells)
