"""Opening a file of weights: its contents are listed first, and loaded only after a comparison with a network."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cbam_core.errors import CheckpointError
from cbam_core.nn.registry import TensorSpec
from cbam_core.places import shipped_checkpoints
from cbam_core.weights.pth_file import looks_like_pickle, looks_like_pth, read_pth
from cbam_core.weights.safetensors_file import looks_like_safetensors, read_safetensors
from cbam_core.weights.stored import DamagedError, StoredTensor

MAX_FILE_BYTES = 256 << 20
"""Largest file that is read, in bytes; the largest registered network needs a tenth of it."""


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """A file of weights, opened but not loaded.

    Attributes:
        tensors: tensors in it, by name.
        metadata: texts that describe it, by key; empty for a ``.pth`` file.
        digest: SHA-256 of the file in hexadecimal.
        size: size of the file in bytes.
    """

    tensors: Mapping[str, StoredTensor]
    metadata: Mapping[str, str]
    digest: str
    size: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the tensors by name."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}

    def load(self, architecture: str, expected: Mapping[str, TensorSpec]) -> dict[str, Tensor]:
        """Load the weights of one network, in the types that it computes with.

        Names, shapes and types are compared first, so the memory that is allocated depends only on the network.

        Args:
            architecture: name of the network, for messages.
            expected: shape and type of each tensor of its state dict, by name.

        Raises:
            CheckpointError: the weights belong to another network, or are not finite.
        """
        _check_names(architecture, expected.keys(), self.tensors.keys())
        for name, spec in expected.items():
            _check_tensor(architecture, name, spec, self.tensors[name])
        try:
            return {name: _converted(name, self.tensors[name], spec) for name, spec in expected.items()}
        except DamagedError as error:
            raise _damaged(error) from error


def open_weights(source: Path | bytes) -> WeightsFile:
    """List the contents of a file of weights, without loading them.

    Args:
        source: a path, or the bytes of a file: ``.safetensors``, or a state dict that `torch.save` wrote. The
            contents decide which, not the name.

    Raises:
        CheckpointError: the file is missing, too large, damaged, or holds something other than plain weights.
    """
    data = source if isinstance(source, bytes) else _bytes_at(source)
    if len(data) > MAX_FILE_BYTES:
        raise _too_large(len(data))
    try:
        tensors, metadata = _contents(data)
    except DamagedError as error:
        raise _damaged(error) from error
    return WeightsFile(tensors, metadata, hashlib.sha256(data).hexdigest(), len(data))


def _bytes_at(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointError(
                "checkpoint.not-a-file",
                "{path} is not a file; give the path of a .safetensors or .pth file",
                path=str(path),
            )
        if status.st_size > MAX_FILE_BYTES:
            raise _too_large(status.st_size)
        with path.open("rb") as file:
            return file.read(status.st_size)
    except FileNotFoundError as error:
        raise CheckpointError(
            "checkpoint.missing",
            "there is no checkpoint at {path}; check the path, or name a shipped network ({known})",
            path=str(path),
            known=", ".join(shipped_checkpoints()) or "none is installed",
        ) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(
            "checkpoint.unreadable",
            "the checkpoint {path} cannot be opened ({reason}); check its path and permissions",
            path=str(path),
            reason=str(getattr(error, "strerror", None) or error),
        ) from error


def _contents(data: bytes) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    if looks_like_pth(data):
        return read_pth(data), {}
    if looks_like_pickle(data):
        raise CheckpointError(
            "checkpoint.bare-pickle",
            "this file is a bare pickle or uses the format of PyTorch before version 1.6, which is not supported: "
            "load it where it was created and save it again, with torch.save(model.state_dict(), path)",
        )
    if looks_like_safetensors(data):
        return read_safetensors(data)
    raise CheckpointError(
        "checkpoint.unknown-format",
        "this file is not a checkpoint: expected a .safetensors file, or a .pth file written by "
        "torch.save(model.state_dict(), path)",
    )


def _check_names(architecture: str, expected: Collection[str], given: Collection[str]) -> None:
    missing = [name for name in expected if name not in given]
    unexpected = [name for name in given if name not in expected]
    if missing and unexpected:
        raise CheckpointError(
            "checkpoint.other-names",
            "the file's tensors are not those of {architecture}: it lacks {missing}, and has {unexpected} instead",
            architecture=architecture,
            missing=_named(missing),
            unexpected=_named(unexpected),
        )
    if missing:
        raise CheckpointError(
            "checkpoint.missing-tensors",
            "the file lacks {count} of the {total} tensors that {architecture} needs: {missing}",
            architecture=architecture,
            count=len(missing),
            total=len(expected),
            missing=_named(missing),
        )
    if unexpected:
        raise CheckpointError(
            "checkpoint.unexpected-tensors",
            "the file holds {count} tensors that {architecture} does not have: {unexpected}",
            architecture=architecture,
            count=len(unexpected),
            unexpected=_named(unexpected),
        )


def _check_tensor(architecture: str, name: str, spec: TensorSpec, stored: StoredTensor) -> None:
    if stored.shape != spec.shape:
        raise CheckpointError(
            "checkpoint.shape",
            "tensor {name} of {architecture} must have the shape {expected}; the file's has {given}",
            name=name,
            architecture=architecture,
            expected=str(spec.shape),
            given=str(stored.shape),
        )
    if stored.dtype.is_floating_point != spec.dtype.is_floating_point or stored.dtype == torch.bool:
        raise CheckpointError(
            "checkpoint.type",
            "tensor {name} of {architecture} must hold {expected} numbers; the file's holds {given}",
            name=name,
            architecture=architecture,
            expected=str(spec.dtype).removeprefix("torch."),
            given=str(stored.dtype).removeprefix("torch."),
        )


def _converted(name: str, stored: StoredTensor, spec: TensorSpec) -> Tensor:
    tensor = stored.load().to(spec.dtype)
    if not tensor.is_floating_point() or not tensor.numel():
        return tensor
    smallest, largest = (float(bound) for bound in tensor.aminmax())  # NaN passes through
    if not -torch.inf < smallest <= largest < torch.inf:
        raise CheckpointError(
            "checkpoint.not-finite",
            "tensor {name} holds values that are not finite numbers (NaN or infinity); "
            "the training that made this file went wrong, or the file is damaged",
            name=name,
        )
    if name.endswith("running_var") and smallest < 0:
        raise CheckpointError(
            "checkpoint.negative-variance",
            "tensor {name} holds a variance below 0 ({value}); the file is damaged",
            name=name,
            value=smallest,
        )
    return tensor


def _named(names: Sequence[str]) -> str:
    """List up to three names, each cut to a readable length."""
    shown = [name if name.isprintable() and len(name) <= 60 else repr(name[:60]) for name in names[:3]]
    return ", ".join(shown) + (", ..." if len(names) > 3 else "")


def _too_large(size: int) -> CheckpointError:
    return CheckpointError(
        "checkpoint.too-large",
        "this file has {size} bytes; a checkpoint may have up to {limit}",
        size=size,
        limit=MAX_FILE_BYTES,
    )


def _damaged(error: DamagedError) -> CheckpointError:
    return CheckpointError(
        "checkpoint.damaged",
        "this file is damaged, or was not written by safetensors or torch.save ({detail}); download or save it again",
        detail=str(error),
    )
