"""What pages find out about a network, found out once for all tests: opening its file, and following its forward."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from app import services
from app.services import auditing
from app.session import own_networks
from cbam_core.gates.anatomy import summarise
from cbam_core.gates.audit import audit_network
from cbam_core.network import Classifier, load_checkpoint
from cbam_core.places import image_folder
from cbam_core.results.usual import usual_path


class MadeOnce:
    """Results of a function by what decides about them.

    Args:
        make: the function.
        key: of its arguments; None where they are always taken anew.
    """

    def __init__(self, make: Callable[..., Any], key: Callable[..., Hashable | None]) -> None:
        self._make, self._key = make, key
        self._made: dict[Hashable, Any] = {}

    def __call__(self, *given: Any, **settings: Any) -> Any:
        key = self._key(*given, **settings)
        if key is None:
            return self._make(*given, **settings)
        if key not in self._made:
            self._made[key] = self._make(*given, **settings)
        return self._made[key]


def _file(source: Path | bytes, **settings: Any) -> Hashable | None:
    if isinstance(source, bytes):
        contents = [source]
    else:
        contents = [path.read_bytes() for path in (source, usual_path(source)) if path.is_file()]
    return tuple(hashlib.sha256(content).digest() for content in contents), *settings.items()


def _build(model: nn.Module, size: tuple[int, int], **settings: Any) -> Hashable:
    return repr(model), size, *settings.items()


def _network(classifier: Classifier) -> Hashable:
    return classifier, image_folder()


def make_once(patch: pytest.MonkeyPatch) -> None:
    """Have pages of all tests share networks of equal files, what is usual for them, audits and tables of layers."""
    networks = import_module("app.services.networks")  # its package has a function of that name
    opened, usual = MadeOnce(load_checkpoint, _file), MadeOnce(services.with_usual, _network)
    for module in (networks, own_networks):
        patch.setattr(module, "load_checkpoint", opened)
    for module in (networks, services):
        patch.setattr(module, "with_usual", usual)
    patch.setattr(auditing, "audit_network", MadeOnce(audit_network, _build))
    patch.setattr(networks, "summarise", MadeOnce(summarise, _build))
