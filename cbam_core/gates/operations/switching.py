"""A mode that sees the calls of torch's functions in one thread, and steps aside where it would change what runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode,
    _get_current_function_mode_stack,
    _pop_mode,
    _push_mode,
)

_numbers = count(0, -1)


class Switch(TorchFunctionMode):
    """Mode that can be turned on and off between two calls of modules.

    Attributes:
        on: whether it is on torch's stack of modes.
        rank: among several, those of a higher rank see a call first, and of one rank above 0 the earlier ones.
    """

    def __init__(self, rank: int = 0) -> None:
        super().__init__()
        self.on, self.rank = False, (rank, next(_numbers) if rank else 0)

    def turn_on(self) -> None:
        """See the calls that follow."""
        if self.on:
            return
        self.on = True
        above: list[TorchFunctionMode] = []
        while isinstance(top := _get_current_function_mode(), Switch) and top.rank > self.rank:  # type: ignore[no-untyped-call]
            above.append(_pop_mode())  # type: ignore[no-untyped-call]
        for mode in (self, *reversed(above)):
            _push_mode(mode)  # type: ignore[no-untyped-call]

    def turn_off(self) -> None:
        """Step aside; attention layers of torch take a faster way without any mode."""
        if not self.on:
            return
        self.on = False
        if _get_current_function_mode() is self:  # type: ignore[no-untyped-call]
            _pop_mode()  # type: ignore[no-untyped-call]
        else:
            modes = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
            _exchange(len(modes), [mode for mode in modes if mode is not self])


@contextmanager
def others_hidden() -> Iterator[None]:
    """Keep what runs inside from every mode but torch's own, such as a default device."""
    modes = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    kept = [mode for mode in modes if type(mode).__module__.startswith("torch.")]
    _exchange(len(modes), kept)
    try:
        yield
    finally:
        _exchange(len(kept), modes)


def _exchange(count: int, modes: list[TorchFunctionMode]) -> None:
    for _ in range(count):
        _pop_mode()  # type: ignore[no-untyped-call]
    for mode in modes:
        _push_mode(mode)  # type: ignore[no-untyped-call]
