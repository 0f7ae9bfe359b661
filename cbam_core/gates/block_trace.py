"""All feature maps around the gates of one block, recorded on request."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates.channel_trace import not_passed, sites_of_block
from cbam_core.gates.looking import all_sites
from cbam_core.gates.sites import Site
from cbam_core.gates.watcher import FeatureWatcher
from cbam_core.results.kinds import Kind


@dataclass(frozen=True, eq=False)
class Passage:
    """The feature map on both sides of one gate.

    Attributes:
        kind: axes along which the gate differs.
        before: map that the gate multiplies, a detached copy.
        after: map after the multiplication, a detached copy.
        kernel: side of the convolution that makes a spatial gate; None where there is none.
    """

    kind: Kind
    before: Float[Tensor, "b c h w"]
    after: Float[Tensor, "b c h w"]
    kernel: int | None


def follow_block(model: nn.Module, batch: Float[Tensor, "b ch rows columns"], block: str) -> tuple[Passage, ...]:
    """Run a forward, and record the feature map before and after each gate of a block, in order of execution.

    No hook is left on the model, and forwards of other threads are ignored.

    Args:
        model: a network.
        batch: input of the network.
        block: name of a block, as names of gates begin with: ``"cbam1"``, or ``"cbam1#2"`` for its second gates in one
            forward.

    Raises:
        CaptureError: the block does not exist, or the model cannot be watched.
    """
    with torch.inference_mode():
        sites = all_sites(model, batch)
    own, call = sites_of_block(sites, block)
    if not own:
        raise CaptureError(
            "capture.no-block",
            "there is no block {given} with gates; this network has {known}",
            given=repr(block)[:60],
            known=", ".join(dict.fromkeys(site.block for site in sites)) or "none",
        )
    recorder = _BlockRecorder(own[0], call)
    with FeatureWatcher(model, own, entering=recorder.enter, leaving=recorder.leave), torch.inference_mode():
        model(batch)
    if not recorder.passages:
        raise not_passed(block)
    return tuple(recorder.passages)


class _BlockRecorder:
    """Maps around the gates of a block, recorded in one of its calls."""

    def __init__(self, first: Site, call: int) -> None:
        self.passages: list[Passage] = []
        self._first, self._call, self._calls = first, call, 0
        self._before: Tensor | None = None

    def enter(self, site: Site, features: Tensor) -> None:
        self._calls += site.name == self._first.name
        self._before = features.detach().clone() if self._calls == self._call else None

    def leave(self, site: Site, features: Tensor) -> None:
        if self._before is not None:
            after = features.detach().clone()  # the live tensor may be changed in place later
            self.passages.append(Passage(site.kind, self._before, after, _kernel(site.gated)))
            self._before = None


def _kernel(module: nn.Module) -> int | None:
    found = getattr(module, "conv", None)
    return int(found.kernel_size[0]) if isinstance(found, nn.Conv2d) else None
