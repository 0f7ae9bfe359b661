"""Finding gates: a finder takes a model and returns the sites of the gates that it recognises.

There is one finder so far, for this library's own CBAM modules. `find_sites` combines all finders.
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

    A module with several paths is named by the shortest. A block's second gate of one kind is named by its attribute,
    such as ``"cbam1.second"``.

    This runs at every capture, because a model may change in between, and usually with a cold processor cache: hence
    one plain loop, which skips other modules without a call.

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
    """Role of each module class for the finder, computed when a class is first met."""

    def __missing__(self, kind: type) -> Kind | Literal["sealed", "plain"]:
        role = self[kind] = _role(kind)
        return role


_ROLES = _Roles()


def _role(kind: type) -> Kind | Literal["sealed", "plain"]:
    if issubclass(kind, ChannelAttention):
        return "channel"
    if issubclass(kind, SpatialAttention):
        return "spatial"
    # Compiled models are recognised by name, because importing torch's compiler takes seconds.
    sealed = issubclass(kind, torch.jit.ScriptModule | torch.fx.GraphModule) or kind.__name__ == "OptimizedModule"
    return "sealed" if sealed else "plain"


def _sealed(module: nn.Module) -> CaptureError:
    return CaptureError(
        "capture.sealed-model",
        "gates inside a compiled, scripted or exported model ({kind}) cannot be seen: "
        "capture the plain module that it was made from",
        kind=type(module).__name__,
    )
