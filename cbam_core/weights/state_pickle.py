"""The pickle inside a file that `torch.save` wrote, read as a description and never run.

A pickle is a program. `torch.load(weights_only=True)` runs it and allows only a few functions, but some of these
allocate as much as the file asks for (``bytearray``, ``torch.Tensor``). Here an interpreter builds plain dicts, lists
and numbers; a tensor becomes a `StoredTensor`, whose size is checked against the bytes in the file, and any other
object an `Unread`, which only says what it was to be made from. No function that the file names is ever called.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cbam_core.weights.pickle_instructions import INSTRUCTIONS
from cbam_core.weights.pickle_machine import Machine
from cbam_core.weights.pickled_objects import Content, Storage
from cbam_core.weights.stored import DamagedError, LimitError


@dataclass(frozen=True)
class Reading:
    """What a pickle describes.

    Attributes:
        value: dicts, lists, tuples, numbers, texts, `StoredTensor` and `Unread`.
        end: number of its bytes.
        storages: every storage that a tensor refers to.
    """

    value: Any
    end: int
    storages: tuple[Storage, ...]


def read_pickle(program: bytes, contents: Mapping[str, Content], start: int = 0) -> Reading:
    """Read what a pickle of tensors describes.

    Args:
        program: bytes that hold the pickle.
        contents: storages by key.
        start: first byte of the pickle.

    Raises:
        CheckpointError: the pickle would run commands.
        DamagedError: it is not a pickle, or a tensor extends beyond its storage.
        LimitError: it is longer than any list of tensors needs to be.
    """
    machine = Machine(program, contents, start)
    try:
        value = machine.run(INSTRUCTIONS)
    except (IndexError, KeyError, ValueError, struct.error) as error:
        if isinstance(error, DamagedError | LimitError):
            raise
        raise DamagedError("the list of tensors is cut off or garbled") from error
    return Reading(value, machine.at, tuple(machine.storages))


def read_state_pickle(program: bytes, contents: Mapping[str, Content]) -> Any:
    """Return the value that `read_pickle` reads."""
    return read_pickle(program, contents).value
