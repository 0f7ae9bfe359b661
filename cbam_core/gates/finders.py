"""Finding gates: a finder takes a model and yields the sites of the gates that it knows.

There is one so far, for our own CBAM modules, whose gates are outputs of modules. `find_sites` joins all finders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from cbam_core.errors import CaptureError
from cbam_core.gates.sites import Site
from cbam_core.nn.cbam import CBAM, ChannelAttention, SpatialAttention
from cbam_core.results.kinds import Kind


def find_sites(model: nn.Module) -> list[Site]:
    """Find every gate in a model.

    Raises:
        CaptureError: the model is compiled, scripted or exported, so that nothing in it can be watched.
    """
    return find_own_modules(model)


def find_own_modules(model: nn.Module) -> list[Site]:
    """Find the gates of `ChannelAttention`, `SpatialAttention` and `CBAM`.

    A module that stands in several places is named by its shortest path. A block's second gate of one kind is named by
    its attribute, such as ``"cbam1.second"``.

    It runs at every capture, so that a model may change in between. After a forward nothing of it is in the
    processor's cache: hence one plain loop, which passes over the many modules of no interest without a call and
    reads as little of each as it can.

    Raises:
        CaptureError: the model is compiled, scripted or exported, so that nothing in it can be watched.
    """
    sites: dict[str, Site] = {}
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
            child_path = f"{path}.{name}" if path else name
            tap = child._modules.get("sigmoid")
            if role == "plain" or tap is None:
                waiting.append((child_path, child, child._modules))
                continue
            block = path or "CBAM" if isinstance(parent, CBAM) else child_path or type(child).__name__
            own_name = f"{block}.{role}"
            if own_name in sites:
                own_name = f"{block}.{name}"
            sites[own_name] = Site(own_name, block, role, tap, child)
    return list(sites.values())


class _Roles(dict[type, Kind | Literal["sealed", "plain"]]):
    """What each class of modules means to the finder, worked out when a class is first met."""

    def __missing__(self, kind: type) -> Kind | Literal["sealed", "plain"]:
        role = self[kind] = _role(kind)
        return role


_ROLES = _Roles()


def _role(kind: type) -> Kind | Literal["sealed", "plain"]:
    if issubclass(kind, ChannelAttention):
        return "channel"
    if issubclass(kind, SpatialAttention):
        return "spatial"
    # Compiled models are recognised by name, because importing torch's compiler to ask for its class takes seconds.
    sealed = issubclass(kind, torch.jit.ScriptModule | torch.fx.GraphModule) or kind.__name__ == "OptimizedModule"
    return "sealed" if sealed else "plain"


def _sealed(module: nn.Module) -> CaptureError:
    return CaptureError(
        "capture.sealed-model",
        "gates inside a compiled, scripted or exported model ({kind}) cannot be seen: "
        "capture the plain module that it was made from",
        kind=type(module).__name__,
    )
