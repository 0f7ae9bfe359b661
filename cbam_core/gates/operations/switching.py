"""A mode that sees the calls of torch's functions in one thread, and steps aside where it would change what runs."""

from __future__ import annotations

from torch.overrides import TorchFunctionMode, _get_current_function_mode


class Switch(TorchFunctionMode):
    """Mode that can be turned on and off between two calls of modules.

    Attributes:
        on: whether it is on torch's stack of modes.
        muted: whether it should be off, but lies below a mode of somebody else, and must let calls pass unseen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on = self.muted = False

    def turn_on(self) -> None:
        """See the calls that follow."""
        self.muted = False
        if not self.on:
            self.__enter__()  # type: ignore[no-untyped-call]
            self.on = True

    def turn_off(self) -> None:
        """Step aside; attention layers of torch take a faster way without any mode."""
        if self.on and _get_current_function_mode() is self:  # type: ignore[no-untyped-call]
            self.__exit__(None, None, None)
            self.on = False
        else:
            self.muted = self.on
