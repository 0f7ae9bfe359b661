"""Sentences of captions: what is drawn, of which network, on which scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cbam_core.render.paper.gates import written
from cbam_core.render.paper.typeface import Typeface
from cbam_core.render.placed import placed
from cbam_core.results.explanation import Block
from cbam_core.results.layout import Layout
from cbam_core.results.usual import UsualGate


def looks(layout: Layout, words: Mapping[str, str], *, original: bool = False) -> list[str]:
    """Describe how masks lie on their picture, and their colours."""
    over = "alone" if layout.opacity == 1 and not original else "over_original" if original else "over"
    said = [words[over].format(opacity=100 * layout.opacity)]
    if layout.smooth:
        said.append(words["interpolated"])
    scale = {"values": layout.scale, "relative": "relative", "usual": "against"}[layout.reading]
    said.append(words[scale].format(colours=layout.colours))
    return said


def ranges(
    shown: tuple[float, float] | None, layout: Layout, words: Mapping[str, str], *, each: bool = True
) -> list[str]:
    """Name the range of all masks that are drawn; `each` says that numbers stand below each of them too."""
    if shown is None:
        return []
    low, high = (written(value, layout.reading) for value in shown)
    return [words["ranges" if each else "range_all"].format(low=low, high=high)]


def weights(layout: Layout, words: Mapping[str, str], *, ticks: bool) -> list[str]:
    """Describe the bars and their order."""
    name = {"values": "weights_values", "relative": "weights_relative", "usual": "weights_against"}[layout.reading]
    order = {"sorted": "sorted_one", "unusual": "sorted_unusual"}.get(layout.order)
    return [words[name], *([words[order]] if order else []), *([words["ticks"]] if ticks else [])]


def usual_set(blocks: Iterable[Block], words: Mapping[str, str]) -> list[str]:
    """Name the images over which usual values are means; where no gate has any, say how to get them."""
    gates = (gate.usual for block in blocks for gate in block.gates)
    known: UsualGate | None = next((usual for usual in gates if usual is not None), None)
    if known is None:
        return [words["usual_unknown"]]
    return [words["usual_set"].format(count=f"{known.count:,}", images=words.get(known.images, known.images))]


def are_usual_known(blocks: Iterable[Block]) -> bool:
    """Check whether it is known of any gate what is usual."""
    return any(gate.usual is not None for block in blocks for gate in block.gates)


def sizes(blocks: Sequence[Block], words: Mapping[str, str]) -> list[str]:
    """Name the numbers of channels and cells of each block."""
    said = []
    for block in blocks:
        parts = []
        if block.channel_weights is not None:
            parts.append(words["channels"].format(count=block.channel_weights.size))
        if block.spatial_mask is not None:
            height, width = block.spatial_mask.shape
            parts.append(words["cells"].format(width=width, height=height))
        if parts:
            said.append(words["size"].format(block=block.name, parts=words["listed"].join(parts)))
    return [words["sizes"].format(sizes=words["separated"].join(said))] if said else []


def places(blocks: Iterable[Block], words: Mapping[str, str]) -> list[str]:
    """Say how many masks do not lie exactly where they are drawn."""
    return placed((block.placement for block in blocks if block.spatial_mask is not None), words)


def joined(sentences: Iterable[str]) -> str:
    """Put sentences behind each other, with a space after those that do not end with a Chinese full stop."""
    text = ""
    for sentence in sentences:
        text += f" {sentence}" if text and not text.endswith("。") else sentence
    return text


def lacking(face: Typeface, words: Mapping[str, str]) -> list[str]:
    """Name the characters that no font has."""
    if not face.stand_ins:
        return []
    return [words["lacking"].format(letters=words["listed"].join(face.stand_ins))]
