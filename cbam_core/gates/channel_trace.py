"""One channel of a block: its feature map before the gates, and after them.

Maps of all channels would take too much memory to keep with every forward, so one is recorded on request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cbam_core.errors import CaptureError
from cbam_core.gates.looking import all_sites
from cbam_core.gates.sites import Site
from cbam_core.gates.watcher import FeatureWatcher

Maps = Float[Tensor, "b h w"]


def follow_channel(
    model: nn.Module, batch: Float[Tensor, "b ch rows columns"], block: str, channel: int
) -> tuple[Maps, Maps]:
    """Run a forward, and record one channel of one block before its channel weight and after its last gate.

    No hook is left on the model, and forwards of other threads are ignored.

    Args:
        model: a network.
        batch: input of the network.
        block: name of a block with channel weights, as names of gates begin with: ``"cbam1"``, or ``"cbam1#2"`` for its
            second ones in one forward.
        channel: index of the channel, from 0.

    Returns:
        The map that the channel weight multiplies, and the map after the block's last gate: detached copies.

    Raises:
        CaptureError: the block or the channel does not exist, or the model cannot be watched.
    """
    with torch.inference_mode():
        sites = all_sites(model, batch)
    own, call = sites_of_block(sites, block)
    channel_sites = [site for site in own if site.kind == "channel"]
    if not channel_sites:
        raise unknown_block(block, [site.block for site in sites if site.kind == "channel"])
    recorder = _ChannelRecorder(block, channel_sites[0], call, channel)
    with FeatureWatcher(model, own, entering=recorder.enter, leaving=recorder.leave), torch.inference_mode():
        model(batch)
    if recorder.before is None or recorder.after is None:
        raise not_passed(block)
    return recorder.before, recorder.after


def sites_of_block(sites: Sequence[Site], block: str) -> tuple[list[Site], int]:
    """Find the gates of a block, and which of its calls is meant; there are none for an unknown name.

    Args:
        sites: gates of the model.
        block: ``"cbam1"``, or ``"cbam1#2"`` for its second call; of a block that two modules make up, also one of them.
    """
    named = re.fullmatch(r"([^#]*)(?:#([2-9]|[1-9][0-9]{1,8}))?", block)  # the first call has no number
    if named is None:
        return [], 1
    own = [site for site in sites if site.block == named[1]]
    shared = {site.block for site in sites if site.name.rpartition(".")[0] == named[1]} if not own else set()
    return own or [site for site in sites if site.block in shared], int(named[2] or 1)


def not_passed(block: str) -> CaptureError:
    """Make the error of a block that did not run."""
    return CaptureError(
        "capture.not-passed",
        "block {block} did not run in this forward and thread: follow a channel of the plain module, "
        "not of one spread over several devices or threads",
        block=block,
    )


class _ChannelRecorder:
    """Maps of one channel, recorded in one call of its block."""

    def __init__(self, block: str, channel_site: Site, call: int, channel: int) -> None:
        self.before: Tensor | None = None
        self.after: Tensor | None = None
        self._block, self._channel_site, self._channel = block, channel_site, channel
        self._call, self._calls = call, 0

    def enter(self, site: Site, features: Tensor) -> None:
        if site.name != self._channel_site.name:
            return
        self._calls += 1
        if self._calls == self._call:
            self._check(features.shape[1])
            self.before = self._copy(features)

    def leave(self, _site: Site, features: Tensor) -> None:
        if self._calls == self._call and self.before is not None:
            self.after = self._copy(features)  # overwritten until the last gate

    def _check(self, channels: int) -> None:
        if not 0 <= self._channel < channels:
            raise CaptureError(
                "capture.unknown-channel",
                "channels of block {block} are numbered from 0 to {last}; given {given}",
                block=self._block,
                last=channels - 1,
                given=self._channel,
            )

    def _copy(self, features: Tensor) -> Tensor:
        return features[:, self._channel].detach().clone()  # the live tensor may be changed in place later


def unknown_block(block: str, known: list[str]) -> CaptureError:
    """Make the error of a block that does not exist, or has no channel weights."""
    return CaptureError(
        "capture.unknown-block",
        "there is no block {given} with channel weights; this network has {known}",
        given=repr(block)[:60],
        known=", ".join(known) or "none",
    )
