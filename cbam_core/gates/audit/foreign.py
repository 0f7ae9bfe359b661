"""Gates that only the operations of a forward show, with what makes each; for counting."""

from __future__ import annotations

import logging

import torch
from torch import nn

from cbam_core.errors import CaptureError
from cbam_core.gates.audit.slices import Slice, slices_of
from cbam_core.gates.audit.tracing import trace
from cbam_core.gates.finders import search
from cbam_core.nn.registry import input_channels


def foreign_slices(model: nn.Module, input_size: tuple[int, int]) -> list[Slice]:
    """Find what makes each gate of modules that are not this library's; empty where all modules are.

    Args:
        model: a network in eval mode; one in training mode has none, because norms would need more than one image.
        input_size: (width, height) of its input in pixels.

    Raises:
        CaptureError: the model is compiled, scripted or exported.
    """
    sites, others = search(model)
    if not others or model.training:
        return []
    width, height = input_size
    device = next((one.device for one in model.parameters()), torch.device("cpu"))
    try:
        followed = trace(model, torch.zeros(1, input_channels(model), height, width, device=device))
    except CaptureError:
        raise
    except Exception:  # the network cannot run on such an image: whoever shows it one says so
        logging.getLogger("cbam_lens").debug("the network cannot be followed for its costs", exc_info=True)
        return []
    own = {site.name for site in sites}
    return [cut for cut in slices_of(followed) if cut.site.name not in own]
