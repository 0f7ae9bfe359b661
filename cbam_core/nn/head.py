"""The layer of a network that gives its classes, and all that pretrained weights say nothing about."""

from __future__ import annotations

from torch import nn

from cbam_core.nn.insertion import inserted_blocks
from cbam_core.nn.library_networks import SmallStem


def head_of(model: nn.Module) -> str:
    """Return the path of the last linear layer, or of the last convolution where there is none; "" without both."""
    blocks = tuple(f"{path}." for path in inserted_blocks(model))
    last = {"linear": "", "convolution": ""}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and not f"{name}.".startswith(blocks):
            last["linear" if isinstance(module, nn.Linear) else "convolution"] = name
    return last["linear"] or last["convolution"]


def outputs_of_head(model: nn.Module) -> int:
    """Return the number of outputs of the layer that gives the classes; 0 where there is none."""
    head = model.get_submodule(head_of(model))
    return int(getattr(head, "out_features", 0) or getattr(head, "out_channels", 0))


def new_layers(model: nn.Module) -> list[str]:
    """Return the paths of what pretrained weights say nothing about: the head, inserted blocks, and a small stem."""
    stems = [name for name, module in model.named_modules() if isinstance(module, SmallStem)]
    return [head_of(model), *inserted_blocks(model), *stems]
