"""What lies in a file of weights, by dotted names: tensors, facts beside them, and objects that were not made.

Dicts, lists, attributes of objects and whole pickled modules are gone through alike, so that a state dict is found
under any key, at any depth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cbam_core.weights.facts import may_be_fact, says_something
from cbam_core.weights.pickled_objects import Unread
from cbam_core.weights.stored import MAX_TENSORS, LimitError, StoredTensor

DEEPEST = 64
"""Largest depth at which a tensor is found."""

LONGEST = 300
"""Length to which names are cut; no network has such names."""

MOST_FACTS = 5000
"""Largest number of facts and of objects that are kept."""

MAX_MODULES = 20_000
"""Largest number of modules of pickled networks that are gone through; one that is used twice counts twice, and one of
hundreds of parts as several."""

GROUPS = ("_parameters", "_buffers", "_modules")
"""Dicts in which a module keeps its parts."""


@dataclass(eq=False)
class Contents:
    """What lies in a file.

    Attributes:
        tensors: tensors by dotted name.
        facts: numbers, texts, lists and dicts beside them, by dotted name.
        modules: class of each pickled network, by the name that its tensors begin with.
        objects: class of each object that was not made, by dotted name.
    """

    tensors: dict[str, StoredTensor] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)


def list_contents(value: object) -> Contents:
    """Go through what a pickle describes.

    Raises:
        LimitError: there are more tensors or modules than this program reads.
    """
    contents = Contents()
    seen: dict[int, object] = {}
    modules = 0
    open_levels = [iter([("", value)])]
    while open_levels:
        path, item = next(open_levels[-1], (None, None))
        if path is None:
            open_levels.pop()
        elif isinstance(item, StoredTensor):
            _add_tensor(path, item, contents)
        elif isinstance(item, Unread) and _is_module(item):
            modules += 1 + _parts_count(item) // 100
            if modules > MAX_MODULES:
                raise LimitError("modules", most=MAX_MODULES)
            open_levels += [_inside(path, item, contents)] if len(open_levels) <= DEEPEST else []
        elif id(item) not in seen and len(open_levels) <= DEEPEST:
            seen[id(item)] = item
            open_levels.append(_inside(path, item, contents))
    return contents


def _add_tensor(path: str, tensor: StoredTensor, contents: Contents) -> None:
    if path:
        contents.tensors.setdefault(path, tensor)
    if len(contents.tensors) > MAX_TENSORS:
        raise LimitError("tensors", most=MAX_TENSORS)


def _inside(path: str, item: object, contents: Contents) -> Iterator[tuple[str, object]]:
    """Yield what a container holds, with names, and note what is known of it."""
    if isinstance(item, dict):
        yield from _entries(path, item, contents)
    elif isinstance(item, list | tuple) and item and all(map(_is_named, item)):
        yield from _entries(path, dict(item), contents)
    elif isinstance(item, list | tuple):
        for number, inner in enumerate(item):
            if isinstance(inner, list | tuple | dict | Unread | StoredTensor):
                yield _joined(path, str(number)), inner
    elif isinstance(item, Unread) and _is_module(item):
        yield from _parts(path, item, contents)
    elif isinstance(item, Unread):
        if len(contents.objects) < MOST_FACTS:
            contents.objects.setdefault(path, item.name)
        for inner in (item.entries, item.items, item.state, item.arguments):
            if isinstance(inner, list | tuple | dict) and inner:
                yield path, inner


def _is_named(item: object) -> bool:
    """Check for a pair of a name and a value; a list of such pairs is read as a dict."""
    return isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)


def _entries(path: str, record: Mapping[Any, Any], contents: Contents) -> Iterator[tuple[str, object]]:
    for key, inner in record.items():
        name = _joined(path, str(key))
        _note(name, inner, contents, top=not path)
        if isinstance(inner, list | tuple | dict | Unread | StoredTensor):
            yield name, inner


def _note(name: str, value: object, contents: Contents, top: bool = False) -> None:
    """Keep a fact that says something about the network, and whatever lies at the top of the file."""
    is_fact = not isinstance(value, StoredTensor) or may_be_fact(name, value)
    if is_fact and len(contents.facts) < MOST_FACTS and (top or says_something(name)):
        contents.facts.setdefault(name, value)


def _is_module(item: Unread) -> bool:
    return isinstance(item.state, dict) and "_parameters" in item.state and "_modules" in item.state


def _parts_count(module: Unread) -> int:
    """Count what `_parts` goes through."""
    groups = (module.state, *(module.state.get(group) for group in GROUPS))
    return sum(len(group) for group in groups if isinstance(group, dict))


def _parts(path: str, module: Unread, contents: Contents) -> Iterator[tuple[str, object]]:
    """Yield parameters, buffers and modules of a pickled module, named as in its state dict."""
    if not any(outer in ("", path) or path.startswith(f"{outer}.") for outer in contents.modules):
        contents.modules[path] = module.name
    hidden = _listed(module.state.get("_non_persistent_buffers_set"))
    for group in GROUPS:
        own = module.state.get(group)
        for key, inner in own.items() if isinstance(own, dict) else ():
            if isinstance(inner, StoredTensor | Unread) and not (group == "_buffers" and key in hidden):
                yield _joined(path, str(key)), inner
    for key, value in module.state.items():
        if isinstance(key, str) and not key.startswith("_") and key != "training":
            _note(_joined(path, key), value, contents)


def _listed(value: object) -> set[str]:
    """Return the texts of a set that was not made."""
    if not isinstance(value, Unread):
        return set()
    given = [*value.items, *(item for one in value.arguments if isinstance(one, list) for item in one)]
    return {item for item in given if isinstance(item, str)}


def _joined(path: str, key: str) -> str:
    name = f"{path}.{key}" if path else key
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
