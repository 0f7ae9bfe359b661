"""From an open file to one network: which of its weights, what they are for, and what of the file was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cbam_core.errors import Message
from cbam_core.nn.registry import expected_tensors, find
from cbam_core.weights.assumed import assumed_description, stated_names, unknown_network
from cbam_core.weights.description import METADATA_KEY, Description
from cbam_core.weights.differences import usual_differences
from cbam_core.weights.facts import unfit_facts
from cbam_core.weights.file import WeightsFile
from cbam_core.weights.finding import (
    COUNTERS,
    Copy,
    choose_copy,
    complete,
    copies_of_any,
    find_copies,
    is_bookkeeping,
    listed,
    listed_copies,
)


@dataclass(frozen=True)
class FoundNetwork:
    """A network that was found in a file.

    Attributes:
        description: everything about it except its weights.
        copy: where its weights lie in the file.
        remarks: what was left out or chosen.
        titles: names of all weights of this network in the file, those that are taken by default first.
    """

    description: Description
    copy: Copy
    remarks: tuple[Message, ...]
    titles: tuple[str, ...] = ()


def find_network(file: WeightsFile, wanted: str | None = None) -> FoundNetwork:
    """Find a network in a file.

    Args:
        file: the open file.
        wanted: name of the weights to take where there are several; None for the plain ones.

    Raises:
        CheckpointError: the file holds no network that is known, or no weights of that name.
    """
    if METADATA_KEY in file.metadata:
        description = Description.from_json(file.metadata[METADATA_KEY])
        copies = find_copies(file.tensors, expected_tensors(description.architecture, description.arguments).keys())
        copy = choose_copy(copies, wanted) if copies else Copy("", {}, averaged=False)
        stated, unfit = [], {}
    else:
        copies = copies_of_any(file.shapes)
        if not copies or _is_part_of_another(file, copies[0]):
            raise unknown_network(file.tensors)
        copies += _listed_copies(file, copies[0])
        copy = choose_copy(copies, wanted)
        description = assumed_description(file.shapes_of(copy), file.contents.facts)
        if other_layers := _in_place_of_gates(file, copies, description):
            raise unknown_network(other_layers)
        stated = stated_names(description, file.contents.facts)
        unfit = unfit_facts(file.contents.facts, len(description.classes))
    others = [other for other in complete(copies) if other is not copy] if copies else []
    known = [*stated, *unfit]
    remarks = (
        *_remarks_on_sizes(description),
        *_remarks_on_names(description),
        *{message.code: message for message in unfit.values()}.values(),
        *_remarks(file, copy, others, stated, known),
    )
    titles = tuple(one.title for one in complete(copies)) if copies else ()
    return FoundNetwork(description, copy, remarks, titles)


_LAYERS = ("weight", "bias")


def _is_part_of_another(file: WeightsFile, copy: Copy) -> bool:
    """Check whether what was found is one block of a larger network, such as a bottleneck of a ResNet."""
    layers = sum(name.rpartition(".")[2] in _LAYERS for name in file.tensors)
    own = sum(name.rpartition(".")[2] in _LAYERS for name in copy.names.values())
    return 3 * own < layers and _lacks_any(copy, assumed_description(file.shapes_of(copy), file.contents.facts))


def _in_place_of_gates(file: WeightsFile, copies: list[Copy], description: Description) -> list[str]:
    """List layers beside a network that lacks gates: attention of another kind, or under names of its own."""
    if description.arguments.get("gates") == "both":
        return []
    used = {name for copy in copies for name in copy.names.values()}
    return [
        name
        for name, shape in file.shapes.items()
        if name.startswith(copies[0].prefix) and name not in used and name.endswith(".weight") and len(shape) > 1
    ]


def _lacks_any(copy: Copy, description: Description) -> bool:
    expected = expected_tensors(description.architecture, description.arguments)
    return any(name not in copy.names and not is_bookkeeping(name) for name in expected)


def _listed_copies(file: WeightsFile, plain: Copy) -> list[Copy]:
    """Find averages without names; none where the plain weights, whose names they need, are not complete."""
    description = assumed_description(file.shapes_of(plain), file.contents.facts)
    if _lacks_any(plain, description):
        return []
    expected = expected_tensors(description.architecture, description.arguments)
    return listed_copies(file.shapes, plain, [*expected])


def _remarks_on_sizes(description: Description) -> Iterator[Message]:
    differences = usual_differences(description.arguments, find(description.architecture).arguments)
    for difference in differences:
        yield Message(
            "checkpoint.other-size",
            "the network has another size than usual: {difference}",
            {"difference": difference},
        )


def _remarks_on_names(description: Description) -> Iterator[Message]:
    same = [name for name, count in Counter(description.classes).items() if count > 1]
    if same:
        yield Message("checkpoint.same-names", "several classes have the same name: {names}", {"names": listed(same)})


def _remarks(
    file: WeightsFile, copy: Copy, others: list[Copy], stated: list[str], known: list[str]
) -> Iterator[Message]:
    outside = [name for path, name in file.contents.modules.items() if _is_inside(copy.prefix, path)]
    if outside:
        yield Message(
            "checkpoint.whole-module",
            "the file holds a whole pickled network ({name}): its weights were read, and none of its code was run",
            {"name": listed(outside)},
        )
    whole = [
        name
        for name, given in copy.names.items()
        if not (file.tensors[given].dtype.is_floating_point or is_bookkeeping(name))
    ]
    if whole:
        yield Message(
            "checkpoint.whole-numbers",
            "whole numbers were taken for weights as they are: {names}",
            {"names": listed(whole)},
        )
    if others:
        names = [other.title or "the plain ones" for other in others]
        yield Message(
            "checkpoint.other-weights",
            "the file also holds other weights of this network ({names}), which can be chosen by name",
            {"names": listed(names)},
        )
    if stated:
        yield Message(
            "checkpoint.stated",
            "what the file says about its network beside the weights was used: {names}",
            {"names": listed(stated)},
        )
    left_out = [name for name in _left_out(file, copy, others) if name not in known]
    if left_out:
        yield Message(
            "checkpoint.left-out",
            "what else the file holds was left out: {names}",
            {"names": listed(left_out)},
        )


def _left_out(file: WeightsFile, copy: Copy, others: list[Copy]) -> list[str]:
    """Return short names for what is not part of the network, each once."""
    used = {name for each in (copy, *others) for name in each.names.values()}
    contents = file.contents
    modules = [path for path in contents.modules if path or not contents.tensors.keys() - used]
    paths = [*contents.tensors, *contents.facts, *contents.objects]
    known = [each.prefix for each in (copy, *others)]
    names = [
        _short(path, copy)
        for path in paths
        if path
        and path not in used
        and not any(prefix.startswith(f"{path}.") for prefix in known)
        and not any(_is_inside(f"{path}.", module) for module in modules if path not in contents.tensors)
    ]
    return [*dict.fromkeys(names)]


def _short(path: str, copy: Copy) -> str:
    """Return the part of a name by which a reader knows it."""
    if path.rpartition(".")[2] in COUNTERS:
        return path.rpartition(".")[2]
    if copy.prefix and path.startswith(copy.prefix):
        return path.removeprefix(copy.prefix)
    ours, theirs = copy.prefix.split("."), path.split(".")
    common = next((at for at, part in enumerate(theirs) if ours[at : at + 1] != [part]), 0)
    return ".".join(theirs[: common + 1])


def _is_inside(path: str, module: str) -> bool:
    return not module or path.startswith(f"{module}.")
