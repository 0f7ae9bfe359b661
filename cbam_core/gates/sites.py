"""Which modules of a network hold a gate: the finder for our own CBAM modules.

A finder turns a model into `Site`s; recording does the rest. Foreign implementations, whose gates are no module's
output, need another way of watching a forward, which fills the same record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from cbam_core.errors import CaptureError
from cbam_core.gates.record import Kind
from cbam_core.nn.cbam import CBAM, ChannelAttention, SpatialAttention

Role = Literal["channel", "spatial", "sealed", "plain"]


Site = tuple[nn.Module, nn.Module, str, Kind]
"""A gate's place in a model: the module whose output it is, the module whose input is the feature map that it
multiplies, the path of its block in the model (such as ``"cbam1"``), and what it multiplies."""


def find_sites(model: nn.Module) -> list[Site]:
    """Every gate of our own modules in a model; one that stands in several places is named by its shortest path.

    It runs at every capture, so that a model may change in between. After a forward nothing of it is in the
    processor's cache: hence one plain loop, which passes over the many modules of no interest without a call and
    reads as little of each as it can.

    Raises:
        CaptureError: the model is compiled, scripted or exported, so that nothing in it can be watched.
    """
    sites: list[Site] = []
    seen: set[nn.Module] = set()
    waiting: list[tuple[str, nn.Module | None, Mapping[str, nn.Module | None]]] = [("", None, {"": model})]
    for path, parent, children in waiting:
        for name, child in children.items():
            role = _ROLES[type(child)]
            if child is None or (role == "plain" and not child._modules) or child in seen:
                continue
            seen.add(child)
            if role == "sealed" or child._compiled_call_impl is not None:
                raise _sealed(child)
            place = f"{path}.{name}" if path else name
            gate = child._modules.get("sigmoid")
            if role == "plain" or gate is None:
                waiting.append((place, child, child._modules))
            else:
                block = path or "CBAM" if isinstance(parent, CBAM) else place or type(child).__name__
                sites.append((gate, child, block, role))
    return sites


class _Roles(dict[type, Role]):
    """What each class of modules means to us, worked out when a class is first met."""

    def __missing__(self, kind: type) -> Role:
        role = self[kind] = _role(kind)
        return role


_ROLES = _Roles()


def _role(kind: type) -> Role:
    if issubclass(kind, ChannelAttention):
        return "channel"
    if issubclass(kind, SpatialAttention):
        return "spatial"
    # Compiled models are told by name, because importing torch's compiler to ask for its class takes seconds.
    sealed = issubclass(kind, torch.jit.ScriptModule | torch.fx.GraphModule) or kind.__name__ == "OptimizedModule"
    return "sealed" if sealed else "plain"


def _sealed(module: nn.Module) -> CaptureError:
    return CaptureError(
        "capture.sealed-model",
        "gates inside a compiled, scripted or exported model ({kind}) cannot be seen: "
        "capture the plain module that it was made from",
        kind=type(module).__name__,
    )
