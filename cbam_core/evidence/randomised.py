"""What is left of a mask when weights are shuffled? On a deep copy of the network, block by block."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from cbam_core.errors import ModelError, text_of
from cbam_core.evidence.masks import AnyImages, Masks, Pixels, alike, correlation, masks_of, opened
from cbam_core.explanation.explaining import AnyNetwork
from cbam_core.network import Classifier, Stated
from cbam_core.observing import batch_size, batches, network_input
from cbam_core.render.colours import is_flat
from cbam_core.results.block_names import modules_of
from cbam_core.results.explanation import own_copy
from cbam_core.results.randomised import PARTS, Likeness, Part, RandomisedRow, RandomisedTest
from cbam_core.results.resampled import over_both, over_shared
from cbam_core.steps import Steps, finished
from cbam_core.workers import in_order

TRIALS = 5
"""Number of times that weights are shuffled."""

Parameters = Sequence[nn.Parameter]


def randomised_test(
    classifier: AnyNetwork,
    images: AnyImages,
    *,
    trials: int = TRIALS,
    seed: int = 0,
    report: Callable[[float], object] | None = None,
    **stated: Unpack[Stated],
) -> RandomisedTest:
    """Shuffle weights within each tensor, and compare every mask with the mask as it is.

    Shuffled are the weights of the mask's own block, of everything that is computed before the block, and both. The
    values stay the same in another order, so that sizes stay. Layers after a mask cannot change it.

    Args:
        classifier: a network, as `explain` takes it; a deep copy of it is changed.
        images: an image, as `explain` takes it, several, or a data set.
        trials: number of times that weights are shuffled.
        seed: seed of the shuffling.
        report: called with the share of the work that is done, in [0, 1].
        **stated: what is known about the network, as for `explain`.

    Returns:
        One row for each mask. For one image, intervals are ranges of the trials.

    Raises:
        CaptureError: the network has no spatial mask.
        ModelError: the network cannot be copied, or as for `explain`.
        CbamError: as for `explain`.
    """
    network, found = opened(classifier, images, stated)
    return finished(randomised_steps(network, found, trials, seed), report)


def randomised_steps(
    network: Classifier, images: list[Pixels], trials: int = TRIALS, seed: int = 0, workers: int = 1
) -> Steps[RandomisedTest]:
    """Shuffle in steps; arguments as `randomised_test`, with images of the network's input size.

    Args:
        network: the network.
        images: the images.
        trials: number of times that weights are shuffled.
        seed: seed of the shuffling.
        workers: number of batches that go through the network side by side.

    Raises:
        ModelError: the network cannot be copied.
    """
    twin = replace(network, model=_copied(network), classes=())  # without classes, logits need not be finite
    plain = list(_all_masks(twin, images, workers))
    blocks = list(dict.fromkeys(one.block for one in plain if not all(map(is_flat, one.values))))
    parts = {block: _parameters(twin, block, images[0]) for block in blocks}
    draws, after = torch.Generator().manual_seed(seed), _Found()
    work = [(block, part, trial) for block in blocks for part in parts[block] for trial in range(trials)]
    for done, (block, part, _) in enumerate(work):
        with _shuffled(parts[block][part], draws):
            for one in _all_masks(twin, images, workers):
                if one.block == block:
                    after.add(one.gate, part, one.values)
        yield (done + 1) / len(work)
    rows = tuple(_row(one, after, np.random.default_rng(seed)) for one in plain)
    return RandomisedTest(network.name, len(images), trials, rows)


def _copied(network: Classifier) -> nn.Module:
    try:
        return copy.deepcopy(network.model)
    except Exception as error:  # whatever the code of a network says to that
        raise ModelError(
            "randomised.copy",
            "{name} cannot be copied, and its own weights must not change: {reason}",
            name=network.name or "this network",
            reason=text_of(error).partition("\n")[0][:200] or type(error).__name__,
        ) from error


def _all_masks(network: Classifier, images: list[Pixels], workers: int) -> Iterator[Masks]:
    """Yield the masks of all images, batch by batch put together."""
    size = max(1, min(batch_size(network), -(-len(images) // workers)))
    seen = list(in_order(lambda part: masks_of(network, images[part])[1], batches(len(images), size), workers))
    for same in zip(*seen, strict=True):
        yield replace(same[0], values=np.concatenate([one.values for one in same]))


def _parameters(network: Classifier, block: str, image: Pixels) -> dict[Part, Parameters]:
    """Return the parameters of a block, those used before it, and both; without those that are empty."""
    modules = _modules(network.model, block)
    own = [one for one in nn.ModuleList(modules).parameters() if one.is_floating_point()]
    below = [one for one in _used_before(network, modules, image) if not any(one is other for other in own)]
    found: dict[Part, Parameters] = {"own": own, "below": below, "both": [*own, *below]}
    return {part: found[part] for part in PARTS if found[part] and (part != "both" or (own and below))}


def _modules(model: nn.Module, block: str) -> list[nn.Module]:
    """Return the modules that make up a block, by its name; the whole network where it is the block."""
    try:
        return [model.get_submodule(path) for path in modules_of(block)]
    except AttributeError:
        return [model]


def _used_before(network: Classifier, block: list[nn.Module], image: Pixels) -> list[nn.Parameter]:
    """Return the parameters of the modules that run before a block begins."""
    found: dict[int, nn.Parameter] = {}
    begun: list[bool] = []

    def enter(module: nn.Module, _inputs: Any) -> None:
        if any(module is one for one in block):
            begun.append(True)
        elif not begun:
            own = module.parameters(recurse=False)
            found.update({id(one): one for one in own if one.is_floating_point()})

    handles = [module.register_forward_pre_hook(enter) for module in network.model.modules()]
    try:
        with torch.inference_mode():
            network.model(network_input(network, [image]))
    finally:
        for handle in handles:
            handle.remove()
    return list(found.values()) if begun else []


@contextmanager
def _shuffled(parameters: Parameters, draws: torch.Generator) -> Iterator[None]:
    """Put the values of each parameter in another order, and put them back at the end."""
    kept = [one.detach().clone() for one in parameters]
    try:
        with torch.no_grad():
            for one in parameters:
                order = torch.randperm(one.numel(), generator=draws).to(one.device)
                one.copy_(one.reshape(-1)[order].reshape(one.shape))
        yield
    finally:
        with torch.no_grad():
            for one, before in zip(parameters, kept, strict=True):
                one.copy_(before)


class _Found:
    """Masks with shuffled weights, by gate and part, for each trial."""

    def __init__(self) -> None:
        self._masks: dict[tuple[str, Part], list[Float[np.ndarray, "n rows columns"]]] = {}

    def add(self, gate: str, part: Part, values: Float[np.ndarray, "n rows columns"]) -> None:
        self._masks.setdefault((gate, part), []).append(values)

    def parts(self, plain: Masks, flat: Sequence[bool]) -> Mapping[Part, Likeness]:
        """Compare the masks of one gate with those as they are."""
        found: dict[Part, Likeness] = {}
        for part in PARTS:
            trials = self._masks.get((plain.gate, part), [])
            values = np.array([_likenesses(one, plain.values, flat) for one in trials]).T
            correlations, sizes = (over_shared(one) if trials else None for one in (values, abs(values)))
            if correlations is not None and sizes is not None:
                found[part] = Likeness(correlations, sizes, own_copy(trials[0][0]))
        return found


def _likenesses(
    after: Float[np.ndarray, "n rows columns"], before: Float[np.ndarray, "n rows columns"], flat: Sequence[bool]
) -> list[float]:
    """Return the correlation of each image's masks: 0 where nothing is left, NaN where the mask was flat."""
    pairs = zip(after, before, flat, strict=True)
    return [np.nan if even or not np.isfinite(one).all() else correlation(one, two) or 0.0 for one, two, even in pairs]


def _row(plain: Masks, after: _Found, draws: np.random.Generator) -> RandomisedRow:
    flat = [is_flat(one) for one in plain.values]
    drawn = partial(alike, draws=draws)
    chance = np.array(
        [
            [np.nan if even else abs(correlation(drawn(one), one) or 0.0) for _ in range(TRIALS)]
            for one, even in zip(plain.values, flat, strict=True)
        ]
    )
    return RandomisedRow(
        gate=plain.gate,
        parts=after.parts(plain, flat),
        chance=over_both(chance),
        flat=sum(flat) / len(flat),
        placement=plain.placement,
        mask=own_copy(plain.values[0]),
    )
