"""Finding gates: a finder takes a model and returns the sites of the gates that it recognises.

This one knows the classes of this library's own CBAM modules. Gates of any other module are found by what a forward
does, see `operations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import nn

from cbam_core.errors import CaptureError
from cbam_core.gates.scripted import is_harmless
from cbam_core.gates.sites import Site
from cbam_core.nn.cbam import CBAM, ChannelAttention, SpatialAttention
from cbam_core.results.kinds import Kind


class Search(NamedTuple):
    """What a look at the modules of a model gives.

    Attributes:
        sites: gates of this library's own modules.
        others: whether there are modules of other classes than torch's and this library's, which may have gates too.
    """

    sites: list[Site]
    others: bool


def find_sites(model: nn.Module) -> list[Site]:
    """Find every gate in a model that its classes show.

    Raises:
        CaptureError: the model is compiled, scripted or exported, so that nothing in it can be watched.
    """
    return search(model).sites


def search(model: nn.Module) -> Search:
    """Find the gates of `ChannelAttention`, `SpatialAttention` and `CBAM`, and whether there may be others.

    A module with several paths is named by the shortest. A block's second gate of one kind is named by its attribute,
    such as ``"cbam1.second"``.

    This runs at every capture, because a model may change in between, and usually with a cold processor cache: hence
    one plain loop, which skips other modules without a call.

    Raises:
        CaptureError: the model is compiled, scripted or exported, so that nothing in it can be watched.
    """
    sites: dict[str, Site] = {}
    others = False
    seen: set[nn.Module] = set()
    waiting: list[tuple[str, nn.Module | None, Mapping[str, nn.Module | None]]] = [("", None, {"": model})]
    for path, parent, children in waiting:
        for name, child in children.items():
            role = _ROLES[type(child)]
            if child is None:
                continue
            if child._forward_hooks and not others:
                others = has_hooks_of_users(child)
            if (role == "plain" and not child._modules) or child in seen:
                continue
            seen.add(child)
            if role == "sealed" or child._compiled_call_impl is not None:
                if child is model or not is_harmless(child):
                    raise _sealed(child)
                others = True
                continue
            others = others or (type(child) not in _OWN and (role != "plain" or "forward" in child.__dict__))
            child_path = f"{path}.{name}" if path else name
            tap = child._modules.get("sigmoid")
            if role == "plain" or role == "other" or tap is None:  # noqa: PLR1714 - so that types are told apart
                waiting.append((child_path, child, child._modules))
                continue
            block = path or "CBAM" if isinstance(parent, CBAM) else child_path or type(child).__name__
            own_name = f"{block}.{role}"
            if own_name in sites:
                own_name = f"{block}.{name}"
            sites[own_name] = Site(own_name, block, role, tap, child)
    return Search(list(sites.values()), others)


def has_hooks_of_users(module: nn.Module) -> bool:
    """Check for hooks that no watcher of this library registered; they may multiply maps by gates."""
    return any(key >= 0 for key in list(module._forward_hooks))


_OWN = frozenset((CBAM, ChannelAttention, SpatialAttention))
_Role = Kind | Literal["sealed", "plain", "other"]


class _Roles(dict[type, _Role]):
    """Role of each module class for the finder, computed when a class is first met."""

    def __missing__(self, kind: type) -> _Role:
        role = self[kind] = _role(kind)
        return role


_ROLES = _Roles()


def _role(kind: type) -> _Role:
    if issubclass(kind, ChannelAttention):
        return "channel"
    if issubclass(kind, SpatialAttention):
        return "spatial"
    # Compiled models are recognised by name, because importing torch's compiler takes seconds.
    sealed = issubclass(kind, torch.jit.ScriptModule | torch.fx.GraphModule) or kind.__name__ == "OptimizedModule"
    if sealed:
        return "sealed"
    return "plain" if kind.__module__.startswith(("torch.nn.", "cbam_core.nn.")) else "other"


def _sealed(module: nn.Module) -> CaptureError:
    return CaptureError(
        "capture.sealed-model",
        "gates inside a compiled, scripted or exported model ({kind}) cannot be seen: "
        "capture the plain module that it was made from",
        kind=type(module).__name__,
    )
