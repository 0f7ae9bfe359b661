"""Which weight, gate or layer of a network is NaN or infinity? Asked where a forward gave no finite numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cbam_core.errors import ModelError
from cbam_core.gates.operations.isolation import copied_inputs, random_state_kept
from cbam_core.gates.operations.switching import others_hidden
from cbam_core.gates.operations.tensors import tensors_in
from cbam_core.gates.operations.twin import structural_copy
from cbam_core.weights.finding import listed


def why_not_finite(name: str, model: nn.Module, batch: Tensor, gate: str = "") -> ModelError:
    """Make the error for a network whose output is not finite; it says where that begins.

    The forward is repeated on a copy of the network, whose modules are watched.

    Args:
        name: name of the network.
        model: the network; it is not changed.
        batch: its input.
        gate: name of its first gate that is not finite; "" where there is none.
    """
    weights = weights_not_finite(model)
    if weights:
        return ModelError(
            "model.not-finite",
            "the output of {name} is not finite, for some of its weights are NaN or infinity ({weights}): load weights "
            "from before its training went wrong, or correct the code that sets them",
            name=name,
            weights=listed(weights),
        )
    layer, own_code = first_not_finite(model, batch)
    if not layer:
        return ModelError(
            "model.not-finite",
            "the output of {name} is not finite: its numbers are too large to compute with, or its forward divides by "
            "0",
            name=name,
        )
    if own_code and gate:
        return ModelError(
            "model.not-finite",
            "the output of {name} is not finite: its gate {gate} is NaN or infinity, which the forward of {layer} "
            "makes of finite numbers, such as by a division by 0 or by numbers that are too large: look there",
            name=name,
            gate=gate,
            layer=layer,
        )
    if own_code:
        return ModelError(
            "model.not-finite",
            "the output of {name} is not finite: the forward of {layer} makes NaN or infinity of finite numbers, such "
            "as by a division by 0 or by numbers that are too large: look there",
            name=name,
            layer=layer,
        )
    return ModelError(
        "model.not-finite",
        "the output of {name} is not finite: {layer} makes NaN or infinity of finite numbers, so its weights or what "
        "goes into it are too large to compute with",
        name=name,
        layer=layer,
    )


def weights_not_finite(model: nn.Module) -> list[str]:
    """List the parameters that are NaN or infinite, and the buffers that are NaN: masks may be infinite."""
    parameters = [name for name, one in model.named_parameters() if _has_numbers(one) and not _is_finite(one)]
    buffers = [name for name, one in model.named_buffers() if _has_numbers(one) and one.isnan().any()]
    return [*parameters, *buffers]


def _has_numbers(tensor: Tensor) -> bool:
    return not tensor.is_meta and not nn.parameter.is_lazy(tensor)


def first_not_finite(model: nn.Module, batch: Tensor) -> tuple[str, bool]:
    """Find the first part of a network that gives NaN or infinity where finite numbers went in.

    Returns:
        Path and class of the smallest such module, "" where none is found, and whether it has a forward of its own:
        whether it is no layer of torch.
    """
    twin, twins = structural_copy(model)
    names = {twins.get(module, module): name for name, module in model.named_modules()}
    watch = _Watch()
    handles = [
        handle
        for module in names
        if not isinstance(module, torch.jit.ScriptModule)
        for handle in (
            module.register_forward_pre_hook(watch.enter, with_kwargs=True),
            module.register_forward_hook(watch.leave),
        )
    ]
    try:
        with others_hidden(), random_state_kept(model), torch.inference_mode():
            twin(copied_inputs(batch))
    except Exception:  # a network of somebody else can raise anything, the second time too
        return "", False
    finally:
        for handle in handles:
            handle.remove()
    if watch.first is None:
        return "", False
    path, kind = names[watch.first], type(watch.first)
    own = bool(watch.first._modules) or not kind.__module__.startswith("torch.nn")
    return (f"{path} ({kind.__name__})" if path else kind.__name__), own


class _Watch:
    """Notes the first module that gave what is not finite for what was."""

    def __init__(self) -> None:
        self.first: nn.Module | None = None
        self._finite: list[bool] = []

    def enter(self, _module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._finite.append(_all_finite((args, dict(kwargs))))

    def leave(self, module: nn.Module, _args: Any, output: Any) -> None:
        before = self._finite.pop()
        if self.first is None and before and not _all_finite(output):
            self.first = module


def _all_finite(value: Any) -> bool:
    return all(_is_finite(tensor) for _, tensor in tensors_in(value, depth=4))


def _is_finite(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex()) or bool(tensor.isfinite().all())
