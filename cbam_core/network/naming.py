"""Networks by name: of timm, of torchvision, of a factory function, or of a file that says which.

Only whoever runs the program names networks so, for a factory is code that runs: see `cbam_core.network.building`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cbam_core.data.text_file import read_text
from cbam_core.errors import CheckpointError, ModelError, reason_of
from cbam_core.network.statement import Statement, statement
from cbam_core.nn.library_networks import ARGUMENTS
from cbam_core.places import shipped_checkpoints

NOTHING_STATED = Statement()

FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
LIBRARIES = ("timm", "torchvision")

STATED = ("weights", "classes", "size", "mean", "std", "normalisation", "normalization", "name")
INSERTED = ("insert", "ratio", "kernel_size", "gates", "gradual", "stem")
KEYS = ("model", "arguments", *STATED, *INSERTED)
"""Keys of a file that says which network, and which CBAM is inserted into it."""


@dataclass(frozen=True)
class NamedNetwork:
    """A network by name, and what is stated about it.

    Attributes:
        model: ``"timm:NAME"``, ``"torchvision:NAME"``, or ``"package.module:factory"``.
        given: what is stated about it; its weights are the path of a file, and perhaps a name, see `split_weights`.
        arguments: keyword arguments of the function that builds it.
        name: what it is called where nothing else names it: the name of the file that says which.
        inserted: which CBAM is inserted where, and whether its stem is made small; see
            `cbam_core.nn.library_networks.INSERTED`.
    """

    model: str
    given: Statement = NOTHING_STATED
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    inserted: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """File of its weights; None for weights that the function makes."""
        return None if self.given.weights is None else split_weights(self.given.weights)[0]

    @property
    def copy(self) -> str | None:
        """Which weights to take of a file that holds several; None for the plain ones."""
        return None if self.given.weights is None else split_weights(self.given.weights)[1]


def split_weights(given: str | Path) -> tuple[Path, str | None]:
    """Split ``"best.pth:ema"`` into the file and the name of the weights in it; a file of the whole name is one."""
    path = Path(given).expanduser()
    file, colon, copy = str(path).rpartition(":")
    return (Path(file), copy) if colon and copy and not path.exists() and Path(file).is_file() else (path, None)


def is_named(text: str) -> bool:
    """Check that a text names a network, and is not the path or the name of a checkpoint."""
    path = Path(text)
    if path.suffix.lower() == ".toml":
        return True
    return FACTORY.fullmatch(text.replace("-", "_")) is not None or text.partition(":")[0] in LIBRARIES


def is_own(text: str) -> bool:
    """Check that a text names a network of one's own, and is not a checkpoint that is there."""
    if text in shipped_checkpoints() or (Path(text).exists() and Path(text).suffix.lower() != ".toml"):
        return False
    return is_named(text)


def refuse_script(text: str) -> None:
    """Refuse the file of a network's code where its name is expected.

    Raises:
        ModelError: it is one, alone or with a name behind it.
    """
    file, _, name = text.partition(":")
    if file.endswith(".py"):
        raise ModelError(
            "network.script",
            "{given} is a file of code: name the function in it that returns the network as {module}:{function}, in "
            "the folder of the file",
            given=text[:200],
            module=Path(file).stem,
            function=name or "FUNCTION",
        )


def read_named(text: str, given: Statement = NOTHING_STATED) -> NamedNetwork:
    """Read the name of a network, or the file that says which.

    Args:
        text: ``"timm:NAME"``, ``"torchvision:NAME"``, ``"package.module:factory"``, or the path of a TOML file with
            the keys `KEYS`, whose paths are relative to its folder.
        given: what is stated beside it, which counts more than the file.

    Raises:
        CheckpointError: the file cannot be read, or holds something else.
    """
    if Path(text).suffix.lower() != ".toml":
        return NamedNetwork(text, given)
    path = Path(text).expanduser()
    values = _toml(path)
    model, arguments = values.pop("model", None), values.pop("arguments", {})
    if not isinstance(arguments, dict):
        raise CheckpointError(
            "network.file-arguments",
            "the arguments in {path} have to be a table, such as arguments = {{num_classes = 7}}; given {given}",
            path=str(path),
            given=repr(arguments)[:60],
        )
    if not isinstance(model, str):
        raise CheckpointError(
            "network.file-model",
            '{path} must say which network it is about: model = "timm:NAME" or "package.module:factory"',
            path=str(path),
        )
    inserted = checked_insertion({key: values.pop(key) for key in INSERTED if key in values})
    for key in ("weights", "classes"):
        value = values.get(key)
        if isinstance(value, str) and (key == "weights" or (path.parent / value).is_file()):
            values[key] = str(path.parent / Path(value).expanduser())
    in_file = statement(values)
    stated = {name: value for name, value in vars(given).items() if value is not None}
    return NamedNetwork(model, replace(in_file, **stated), arguments, path.stem, inserted)


def checked_insertion(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check what says which CBAM is inserted where.

    Raises:
        CheckpointError: a value is not allowed.
    """
    spoken = {True: "yes", False: "no"}
    values = {key: spoken[value] if isinstance(value, bool) else value for key, value in given.items()}
    for key, value in values.items():
        allowed = ARGUMENTS[key].allowed
        if type(value) is not type(ARGUMENTS[key].default) or value not in allowed:
            raise CheckpointError(
                "network.insertion",
                "{key} must be {allowed}; given {given}",
                key=key,
                allowed=f"from {allowed[0]} to {allowed[-1]}"
                if isinstance(allowed, range)
                else " or ".join(map(str, allowed)),
                given=repr(value)[:60],
            )
    return values


def _toml(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(read_text(path, CheckpointError, "network.file-unreadable"))
    except ValueError as error:
        raise CheckpointError(
            "network.file-unreadable",
            '{path} cannot be read as TOML ({reason}); expected lines such as model = "timm:resnet18" and size = 224',
            path=str(path),
            reason=reason_of(error),
        ) from error
    unknown = sorted(values.keys() - set(KEYS))
    if unknown:
        raise CheckpointError(
            "network.file-key",
            "{path} has the unknown key {key}; known are {known}",
            path=str(path),
            key=repr(unknown[0][:60]),
            known=", ".join(KEYS),
        )
    return values
