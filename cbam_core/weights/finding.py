"""Which tensors of a file are those of a network? Found by the names of the network, under any prefix."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cbam_core.errors import CheckpointError
from cbam_core.nn.registry import ARCHITECTURES, Shapes, expected_tensors, recognise

PREFERRED = ("state_dict", "model_state_dict", "model", "net", "weights")
"""Keys under which training scripts store the weights in use, the likeliest first."""

AVERAGED = {"ema", "swa", "averaged", "average", "avg", "shadow", "polyak", "teacher", "momentum", "target"}
"""Words in names of a second copy of the weights: mean of several steps, or a network that follows the first."""

TRANSPARENT = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""Names of wrappers that may stand anywhere inside the name of a tensor."""

BOOKKEEPING = ("num_batches_tracked",)
"""Last parts of names of counters that no forward in eval mode reads."""

BUFFERS = ("running_mean", "running_var", *BOOKKEEPING)
"""Last parts of names of tensors that are no parameters."""

COUNTERS = {"total_ops", "total_params", "n_averaged"}
"""Last parts of names that profilers and averaging leave in a state dict."""


@dataclass(frozen=True)
class Copy:
    """One set of weights in a file.

    Attributes:
        prefix: what stands before the names of its tensors, such as ``"state_dict.model."``.
        names: name in the file of each tensor, by its name in the network.
        averaged: whether its name says that it is an average of others, or follows them.
    """

    prefix: str
    names: Mapping[str, str]
    averaged: bool

    @property
    def title(self) -> str:
        """Name of this copy, for whoever chooses one; "" where it has none."""
        return self.prefix.rstrip(".")


def find_copies(given: Iterable[str], known: Collection[str]) -> list[Copy]:
    """Find every place under which at least half of a network's tensors lie, the best first.

    Complete copies come before others, plain ones before averages, then those under a usual key, then the first.

    Args:
        given: names in the file.
        known: names of the network's tensors.
    """
    deepest = max((name.count(".") for name in known), default=0) + 1 + len(TRANSPARENT)
    groups: dict[str, dict[str, str]] = {}
    for name in given:
        for prefix, rest in _splits(name, deepest):
            if rest in known:
                groups.setdefault(prefix, {}).setdefault(rest, name)
    copies = [Copy(prefix, names, _is_averaged(prefix)) for prefix, names in groups.items()]
    needed = sum(not is_bookkeeping(name) for name in known)
    return sorted(copies, key=lambda copy: _rank(copy, needed))


def listed_copies(shapes: Shapes, plain: Copy, order: Sequence[str]) -> list[Copy]:
    """Find averages that were kept as a bare list of a network's parameters, such as ``shadow_params``.

    Buffers, which such a list does not hold, are those of the plain weights.

    Args:
        shapes: every tensor of the file.
        plain: the plain weights, complete.
        order: names of the network's tensors, in the order of its state dict.
    """
    parameters = [name for name in order if name.rpartition(".")[2] not in BUFFERS]
    lists: dict[str, dict[str, str]] = {}
    for name in shapes:
        prefix, _, number = name.rpartition(".")
        if number.isdecimal() and _is_averaged(prefix):
            lists.setdefault(prefix, {})[number] = name
    numbered = {str(at): name for at, name in enumerate(parameters)}
    return [
        Copy(f"{prefix}.", {**plain.names, **{numbered[at]: name for at, name in items.items()}}, averaged=True)
        for prefix, items in lists.items()
        if items.keys() == numbered.keys()
        and all(shapes[name] == shapes[plain.names[numbered[at]]] for at, name in items.items())
    ]


def _splits(name: str, deepest: int) -> Iterable[tuple[str, str]]:
    """Yield the ways to split a name into a prefix and the name of a tensor."""
    parts = name.rsplit(".", deepest)
    for at in range(len(parts)):
        if parts[at] in TRANSPARENT:
            continue
        prefix = ".".join(parts[:at]) + "." if at else ""
        yield prefix, ".".join(part for part in parts[at:] if part not in TRANSPARENT)


def _rank(copy: Copy, needed: int) -> tuple[int, bool, int]:
    lacking = needed - sum(not is_bookkeeping(name) for name in copy.names)
    parts = copy.prefix.split(".")
    usual = min((PREFERRED.index(part) for part in parts if part in PREFERRED), default=len(PREFERRED))
    return lacking, copy.averaged, usual


def _is_averaged(prefix: str) -> bool:
    words = re.split(r"[._\-/ ]", prefix.lower())
    return any(word in AVERAGED for word in words)


def is_bookkeeping(name: str) -> bool:
    """Check that a tensor is a counter that no forward in eval mode reads."""
    return name.rpartition(".")[2] in BOOKKEEPING


def foreign_names(copy: Copy, given: Iterable[str], expected: Collection[str], strict: bool = True) -> list[str]:
    """List tensors that continue the network's own names: those of a larger or another network.

    What has other names, such as a loss, a metric or the counters of a profiler, is no part of the network.

    Args:
        copy: the weights that were found.
        given: names in the file.
        expected: names of the network's tensors.
        strict: whether to list only those; else every tensor that lies beside the network's own.
    """
    own = {_stem(name) for name in expected}
    used = set(copy.names.values())
    return [
        name.removeprefix(copy.prefix)
        for name in given
        if name.startswith(copy.prefix)
        and name not in used
        and (not strict or _stem(name[len(copy.prefix) :]) in own)
        and name.rpartition(".")[2] not in (*COUNTERS, *BOOKKEEPING)
    ]


def _stem(name: str) -> str:
    """Return the letters that the first part of a name begins with: ``"fc"`` of ``"fc2.weight"``."""
    found = re.match(r"[A-Za-z_]*", name.partition(".")[0])
    return found.group() if found else ""


def copies_of_any(shapes: Shapes) -> list[Copy]:
    """Find the places where the tensors of a registered network lie, the best first; none if there is no such network.

    Args:
        shapes: every tensor of a file.
    """
    best: tuple[float, list[Copy]] = 0.0, []
    for name in ARCHITECTURES:
        copies = find_copies(shapes, expected_tensors(name, {}).keys())
        own = {tensor: shapes[copies[0].names[tensor]] for tensor in copies[0].names} if copies else {}
        found = recognise(own)
        if found is not None and found[0].name == name and len(own) > best[0]:
            best = len(own), copies
    return best[1]


def choose_copy(copies: list[Copy], wanted: str | None) -> Copy:
    """Return the copy of a name, or the best one.

    Args:
        copies: the copies in a file, the best first.
        wanted: its whole title, one part of that, or a word of it that no other has, such as ``"ema"``; None for the
            best.

    Raises:
        CheckpointError: there is no such copy.
    """
    if wanted is None:
        return copies[0]
    for exactly in (True, False):
        for copy in copies:
            if wanted == copy.title or (not exactly and wanted in copy.title.split(".")):
                return copy
    known = complete(copies)
    with_word = [copy for copy in known if wanted in re.split(r"[._-]", copy.title)]
    if len(with_word) == 1:
        return with_word[0]
    raise CheckpointError(
        "checkpoint.no-such-weights",
        "the file holds no weights named {given}; it holds {known}",
        given=repr(wanted[:60]),
        known=listed([copy.title or "some without a name" for copy in known]),
    )


def complete(copies: list[Copy]) -> list[Copy]:
    """Return the copies that have as many tensors as the best one."""
    most = sum(not is_bookkeeping(name) for name in copies[0].names)
    return [copy for copy in copies if sum(not is_bookkeeping(name) for name in copy.names) == most]


def listed(names: Collection[str]) -> str:
    """List up to three names, each cut to a readable length."""
    first = [*names][:3]
    shown = [name if name.isprintable() and len(name) <= 60 else repr(name[:60]) for name in first]
    return ", ".join(shown) + (", ..." if len(names) > 3 else "")
