"""One channel on its way through a block: its feature map before the gates, and after them.

Maps of all channels are too many to keep with every forward, so a forward is run for the one that is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import get_ident
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from cbam_core.errors import CaptureError
from cbam_core.gates.sites import find_sites
from cbam_core.gates.watcher import hooked

Maps = Float[Tensor, "b h w"]


def follow_channel(
    model: nn.Module, batch: Float[Tensor, "b ch rows columns"], block: str, channel: int
) -> tuple[Maps, Maps]:
    """Run a forward, and keep one channel of one block before its channel weight and after its last gate.

    Hooks hang while the forward runs and answer to this thread alone; nothing is left on the model.

    Args:
        model: a network.
        batch: what it is given.
        block: a block with channel weights, named as `cbam_core.capture` names it: ``"cbam1"``, or ``"cbam1#2"`` for
            the second time that it runs in one forward.
        channel: number of the channel, from 0.

    Returns:
        The map that the channel's weight multiplies, and what leaves the block's last gate: detached copies.

    Raises:
        CaptureError: the block or the channel does not exist, or the model cannot be watched.
    """
    named = re.fullmatch(r"([^#]*)(?:#([2-9]|[1-9][0-9]{1,8}))?", block)  # the first time has no number
    sites = find_sites(model)
    own = [(gated, kind) for _, gated, path, kind in sites if named and path == named[1]]
    weighing = [gated for gated, kind in own if kind == "channel"]
    if not named or not weighing:
        raise _unknown(block, [path for *_, path, kind in sites if kind == "channel"])
    passage = _Passage(block, int(named[2] or 1), channel)
    hooks: list[tuple[Callable[..., RemovableHandle], Callable[..., None]]] = [
        (weighing[0].register_forward_pre_hook, passage.enter),
        *((gated.register_forward_hook, passage.leave) for gated, _ in own),
    ]
    with hooked(hooks), torch.inference_mode():
        model(batch)
    if passage.before is None or passage.after is None:
        raise CaptureError(
            "capture.not-passed",
            "block {block} did not run in this forward and thread: follow a channel of the plain module, "
            "not of one spread over several devices or threads",
            block=block,
        )
    return passage.before, passage.after


class _Passage:
    """What one thread's hooks see of one channel."""

    def __init__(self, block: str, run: int, channel: int) -> None:
        self.before: Tensor | None = None
        self.after: Tensor | None = None
        self._run, self._runs = run, 0
        self._block, self._channel = block, channel
        self._owner = get_ident()

    def enter(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if get_ident() != self._owner:
            return
        self._runs += 1
        if self._runs == self._run:
            channels = inputs[0].shape[1]
            if not 0 <= self._channel < channels:
                raise CaptureError(
                    "capture.unknown-channel",
                    "channels of block {block} are numbered from 0 to {last}; given {given}",
                    block=self._block,
                    last=channels - 1,
                    given=self._channel,
                )
            self.before = self._copy(inputs[0])

    def leave(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if get_ident() == self._owner and self._runs == self._run and self.before is not None:
            self.after = self._copy(output)  # the last gate's stays

    def _copy(self, features: Tensor) -> Tensor:
        return features[:, self._channel].detach().clone()  # the live tensor may be changed in place later


def _unknown(block: str, known: list[str]) -> CaptureError:
    return CaptureError(
        "capture.unknown-block",
        "there is no block {given} with channel weights; this network has {known}",
        given=repr(block)[:60],
        known=", ".join(known) or "none",
    )
