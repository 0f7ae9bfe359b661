"""All gates of a network in a certain forward: those that its classes show, and those that operations show."""

from __future__ import annotations

from typing import Any

from torch import nn

from cbam_core.gates.finders import search
from cbam_core.gates.operations.known import plan_for
from cbam_core.gates.sites import Site


def all_sites(model: nn.Module, *inputs: Any, **named: Any) -> list[Site]:
    """Find every gate of a network in a forward of these inputs.

    A network with modules of other classes than torch's and this library's is run on a copy, where what it does is not
    known from an earlier forward.

    Args:
        model: the network.
        *inputs: positional arguments of its forward.
        **named: named arguments of its forward.

    Returns:
        Sites of this library's modules, then those of all others in order of execution, each once.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
    """
    own, others = search(model)
    if not others:
        return own
    found = plan_for(model, (inputs, named), own).sites_in_order(model)
    return [*own, *dict.fromkeys(site for site in found if site is not None)]
