"""Finding gates: a finder takes a model and returns the sites of the gates that it recognises.

This one knows the classes of this library's own CBAM modules. Gates of any other module are found by what a forward
does, see `operations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from torch import nn

from cbam_core.errors import CaptureError
from cbam_core.gates.scripted import is_harmless
from cbam_core.gates.sites import Label, Site, named
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


Unnamed = tuple[Label, nn.Module, nn.Module]
"""A gate of this library's own modules: its label, the module whose output it is, and the one that multiplies by it."""


def find_sites(model: nn.Module) -> list[Site]:
    """Find every gate in a model that its classes show.

    Raises:
        CaptureError: the model is compiled, scripted or exported, so that nothing in it can be watched.
    """
    return search(model).sites


def search(model: nn.Module) -> Search:
    """Find the gates of `ChannelAttention`, `SpatialAttention` and `CBAM`, and whether there may be others.

    Raises:
        CaptureError: the model is compiled, scripted or exported, so that nothing in it can be watched.
    """
    found, others = walk(model)
    return Search(sites_of(found), others)


def sites_of(found: Sequence[Unnamed]) -> list[Site]:
    """Name the gates of one model."""
    names = named(label for label, _, _ in found)
    return [Site(*name, tap, gated) for name, (_, tap, gated) in zip(names, found, strict=True)]


def walk(model: nn.Module) -> tuple[list[Unnamed], bool]:
    """Find what `search` finds, and leave the names to whoever needs them.

    A module with several paths is named by the shortest.

    This runs at every capture, because a model may change in between, and usually with a cold processor cache: hence
    one plain loop, which skips other modules without a call.

    Raises:
        CaptureError: the model is compiled, scripted or exported, so that nothing in it can be watched.
    """
    found: list[Unnamed] = []
    others = False
    seen: set[nn.Module] = set()
    waiting: list[tuple[str, nn.Module | None, Mapping[str, nn.Module | None]]] = [("", None, {"": model})]
    for path, parent, children in waiting:
        for name, child in children.items():
            if child is None:
                continue
            role, inside = _ROLES[type(child)], child._modules
            if child._forward_hooks and not others:
                others = has_hooks_of_users(child)
            if (role == "plain" and not inside) or child in seen:
                continue
            seen.add(child)
            if role == "sealed" or child._compiled_call_impl is not None:
                if child is model or not is_harmless(child):
                    raise _sealed(child)
                others = True
                continue
            others = others or (type(child) not in _OWN and (role != "plain" or "forward" in child.__dict__))
            tap = inside.get("sigmoid")
            if role == "plain" or role == "other" or tap is None:  # noqa: PLR1714 - so that types are told apart
                waiting.append((f"{path}.{name}" if path else name, child, inside))
                continue
            if isinstance(parent, CBAM):
                block = path or "CBAM"
            else:
                block = f"{path}.{name}" if path else name or type(child).__name__
            found.append(((block, name, role), tap, child))
    return found, others


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
