"""Opening a file of weights: its contents are listed first, and loaded only after a comparison with a network."""

from __future__ import annotations

import hashlib
import math
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cbam_core.errors import CheckpointError, reason_of
from cbam_core.nn.registry import TensorSpec
from cbam_core.places import shipped_checkpoints
from cbam_core.weights.contents import Contents, list_contents
from cbam_core.weights.differences import named_difference
from cbam_core.weights.facts import stated_facts
from cbam_core.weights.file_kinds import other_kind
from cbam_core.weights.finding import Copy, find_copies, foreign_names, is_bookkeeping, listed
from cbam_core.weights.pickled_objects import pickled_objects
from cbam_core.weights.pth_file import looks_like_pickle, looks_like_pth, no_state_dict, read_old_pth, read_pth
from cbam_core.weights.safetensors_file import looks_like_safetensors, read_safetensors
from cbam_core.weights.stored import DamagedError, LimitError, StoredTensor

MAX_FILE_BYTES = 256 << 20
"""Largest file that is read, in bytes; the largest registered network needs a tenth of it."""

ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar", ".th", ".pkl")
"""Endings that files of weights usually have; their contents decide what they are."""


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """A file of weights, opened but not loaded.

    Attributes:
        contents: tensors in it and what lies beside them, by dotted name.
        metadata: texts that describe it, by key; empty for a ``.pth`` file.
        digest: SHA-256 of the file in hexadecimal.
        size: size of the file in bytes.
    """

    contents: Contents
    metadata: Mapping[str, str]
    digest: str
    size: int

    @property
    def tensors(self) -> Mapping[str, StoredTensor]:
        """Tensors in it, by dotted name."""
        return self.contents.tensors

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the tensors by name."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}

    def shapes_of(self, copy: Copy) -> dict[str, tuple[int, ...]]:
        """Shapes of one copy of a network's tensors, by their names in the network."""
        return {name: self.tensors[given].shape for name, given in copy.names.items()}

    def load(
        self, architecture: str, expected: Mapping[str, TensorSpec], copy: Copy | None = None
    ) -> dict[str, Tensor]:
        """Load the weights of one network, in the types that it computes with.

        Names, shapes and types are compared first, so the memory that is allocated depends only on the network.
        Counters that no forward reads are 0 where they are missing.

        Args:
            architecture: name of the network, for messages.
            expected: shape and type of each tensor of its state dict, by name.
            copy: where its tensors lie in the file; by default wherever most of them do.

        Raises:
            CheckpointError: the weights belong to another network, or are not finite.
        """
        if copy is None:
            copy = next(iter(find_copies(self.tensors, expected.keys())), Copy("", {}, False))
        _check_names(architecture, expected.keys(), copy, self.tensors.keys())
        found = {name: self.tensors[given] for name, given in copy.names.items() if name in expected}
        for name, spec in expected.items():
            if not is_bookkeeping(name):
                _check_tensor(architecture, name, spec, found[name])
        _check_memory(expected, self.size)
        try:
            return {
                name: _counter(found.get(name), spec) if is_bookkeeping(name) else _converted(name, found[name], spec)
                for name, spec in expected.items()
            }
        except DamagedError as error:
            raise _damaged(error) from error


def open_weights(source: Path | bytes, *, largest: int | None = None) -> WeightsFile:
    """List the contents of a file of weights, without loading them.

    Args:
        source: a path, or the bytes of a file: ``.safetensors``, or what `torch.save` wrote. The contents decide
            which, not the name.
        largest: largest size of the file in bytes; None for `MAX_FILE_BYTES`.

    Raises:
        CheckpointError: the file is missing, too large, damaged, or holds something other than plain weights.
    """
    largest = MAX_FILE_BYTES if largest is None else largest
    data = source if isinstance(source, bytes) else _bytes_at(source, largest)
    if len(data) > largest:
        raise _too_large(len(data), largest)
    try:
        contents, metadata = _contents(data)
    except DamagedError as error:
        raise _damaged(error) from error
    except LimitError as error:
        raise CheckpointError(
            "checkpoint.limit",
            "this file is not damaged, but beyond a limit of this program: {detail}; save only the weights, with "
            "torch.save(model.state_dict(), path)",
            detail=str(error),
        ) from error
    return WeightsFile(contents, metadata, hashlib.sha256(data).hexdigest(), len(data))


def _bytes_at(path: Path, largest: int) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointError(
                "checkpoint.not-a-file",
                "{path} is not a file; give the path of a .safetensors or .pth file",
                path=str(path),
            )
        if status.st_size > largest:
            raise _too_large(status.st_size, largest)
        with path.open("rb") as file:
            return file.read(status.st_size)
    except FileNotFoundError as error:
        raise CheckpointError(
            "checkpoint.missing",
            "there is no checkpoint at {path}; check the path, or name a shipped network ({known}), or the code of "
            "another as package.module:factory",
            path=str(path),
            known=", ".join(shipped_checkpoints()) or "none is installed",
        ) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(
            "checkpoint.unreadable",
            "the checkpoint {path} cannot be opened ({reason}); check its path and permissions",
            path=str(path),
            reason=reason_of(error),
        ) from error


def _contents(data: bytes) -> tuple[Contents, dict[str, str]]:
    if looks_like_pth(data):
        return _listed(read_pth(data)), {}
    if looks_like_pickle(data):
        return _listed(read_old_pth(data)), {}
    if looks_like_safetensors(data):
        tensors, metadata = read_safetensors(data)
        return Contents(tensors, stated_facts(tensors, metadata)), metadata
    raise other_kind(data) or CheckpointError(
        "checkpoint.unknown-format",
        "this file is not a checkpoint: expected a .safetensors file, or a .pth file written by "
        "torch.save(model.state_dict(), path)",
    )


def _listed(value: object) -> Contents:
    """List what a pickle describes.

    Raises:
        CheckpointError: there are no tensors.
    """
    contents = list_contents(value)
    if contents.tensors:
        return contents
    made_by_code = next(iter(contents.objects.values()), None)
    raise no_state_dict() if made_by_code is None else pickled_objects(made_by_code)


def _check_names(architecture: str, expected: Collection[str], copy: Copy, given: Collection[str]) -> None:
    missing = [name for name in expected if name not in copy.names]
    missing = missing if any(not is_bookkeeping(name) for name in missing) else []
    unexpected = foreign_names(copy, given, expected, strict=not missing)
    if missing and unexpected:
        raise CheckpointError(
            "checkpoint.other-names",
            "the file's tensors are not those of {architecture}: it lacks {missing}, and has {unexpected} instead",
            architecture=architecture,
            missing=listed(missing),
            unexpected=listed(unexpected),
        )
    if missing:
        raise CheckpointError(
            "checkpoint.missing-tensors",
            "the file lacks {count} of the {total} tensors that {architecture} needs: {missing}",
            architecture=architecture,
            count=len(missing),
            total=len(expected),
            missing=listed(missing),
        )
    if unexpected:
        raise CheckpointError(
            "checkpoint.unexpected-tensors",
            "the file has tensors that {architecture} does not have ({count}): {unexpected}",
            architecture=architecture,
            count=len(unexpected),
            unexpected=listed(unexpected),
        )


def _check_tensor(architecture: str, name: str, spec: TensorSpec, stored: StoredTensor) -> None:
    if stored.shape != spec.shape:
        difference = named_difference(name, spec.shape, stored.shape)
        if difference:
            raise CheckpointError(
                "checkpoint.shape",
                "tensor {name} of {architecture} must have the shape {expected}; the file's has {given}, which means "
                "{difference}",
                name=name,
                architecture=architecture,
                expected=str(spec.shape),
                given=str(stored.shape),
                difference=difference,
            )
        raise CheckpointError(
            "checkpoint.shape",
            "tensor {name} of {architecture} must have the shape {expected}; the file's has {given}",
            name=name,
            architecture=architecture,
            expected=str(spec.shape),
            given=str(stored.shape),
        )
    if stored.dtype.is_complex:
        raise CheckpointError(
            "checkpoint.type",
            "tensor {name} of {architecture} must hold {expected} numbers; the file's holds {given}",
            name=name,
            architecture=architecture,
            expected=str(spec.dtype).removeprefix("torch."),
            given=str(stored.dtype).removeprefix("torch."),
        )


def _check_memory(expected: Mapping[str, TensorSpec], size: int) -> None:
    """Refuse tensors that repeat few numbers of a small file very often."""
    needed = sum(math.prod(spec.shape) * spec.dtype.itemsize for spec in expected.values())
    if needed > 4 * size + (64 << 20):
        raise CheckpointError(
            "checkpoint.repeated",
            "the file's tensors would take {needed} bytes, but the file has only {size}: save it again, with "
            "torch.save(model.state_dict(), path)",
            needed=needed,
            size=size,
        )


def _counter(stored: StoredTensor | None, spec: TensorSpec) -> Tensor:
    """Return a counter as the network keeps it; 0 where the file has none that can be read."""
    if stored is None or math.prod(stored.shape) != 1:
        return torch.zeros(spec.shape, dtype=spec.dtype)
    count = float(stored.load().reshape(()))
    return torch.tensor(int(count) if math.isfinite(count) else 0, dtype=spec.dtype)


def _converted(name: str, stored: StoredTensor, spec: TensorSpec) -> Tensor:
    tensor = stored.load().to(spec.dtype)
    if not tensor.is_floating_point() or not tensor.numel():
        return tensor
    smallest, largest = (float(bound) for bound in tensor.aminmax())  # NaN passes through
    finite = -torch.inf < smallest <= largest < torch.inf
    if not finite and not (spec.may_be_infinite and smallest <= largest):
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


def _too_large(size: int, largest: int) -> CheckpointError:
    return CheckpointError(
        "checkpoint.too-large",
        "this file has {size} bytes; a checkpoint may have up to {limit}",
        size=size,
        limit=largest,
    )


def _damaged(error: DamagedError) -> CheckpointError:
    return CheckpointError(
        "checkpoint.damaged",
        "this file is damaged, or was not written by safetensors or torch.save ({detail}); download or save it again",
        detail=str(error),
    )
