"""The common ways to write a CBAM: names, shapes and order of planes, and where its tensors lie in a state dict.

The order of the two planes that the mask's convolution takes, mean and maximum, cannot be seen from shapes. It is known
where names say which code wrote them, and must be named elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

Planes = tuple[str, str]
"""Pools in the order of the planes of a kernel."""

MEAN_FIRST: Planes = ("mean", "max")
MAX_FIRST: Planes = ("max", "mean")


@dataclass(frozen=True)
class Layout:
    """One way to write a CBAM.

    Attributes:
        name: short name, for the command line.
        channel: name of the channel attention.
        layers: names of the two layers of its perceptron.
        spatial: name of the spatial attention.
        conv: name of its convolution.
        norm: name of the norm behind that; "" where there is none.
        convolutions: whether the layers are 1x1 convolutions, (out, in, 1, 1), and not linear, (out, in).
        bias: whether the layers have biases.
        planes: order of the planes of the kernel.
        eps: number that the norm adds to the variance.
    """

    name: str
    channel: str
    layers: tuple[str, str]
    spatial: str
    conv: str
    norm: str = ""
    convolutions: bool = False
    bias: bool = False
    planes: Planes = MEAN_FIRST
    eps: float = 1e-5


LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout("cbam-lens", "channel_attn", ("fc.0", "fc.2"), "spatial_attn", "conv"),
        Layout("ca-sa", "ca", ("fc1", "fc2"), "sa", "conv1", convolutions=True),
        Layout("ca-sa-fc", "ca", ("fc.0", "fc.2"), "sa", "conv1", convolutions=True),
        Layout("channel-attention", "channel_attention", ("fc1", "fc2"), "spatial_attention", "conv1",
               convolutions=True),
        Layout("channel-attention-mlp", "channel_attention", ("mlp.0", "mlp.2"), "spatial_attention", "conv1"),
        Layout("authors", "ChannelGate", ("mlp.1", "mlp.3"), "SpatialGate", "spatial.conv", "spatial.bn", bias=True,
               planes=MAX_FIRST),
        Layout("timm", "channel", ("fc1", "fc2"), "spatial", "conv.conv", "conv.bn", convolutions=True),
        Layout("pytorchcv", "ch_gate", ("mlp.fc1", "mlp.fc2"), "sp_gate", "conv.conv", "conv.bn", bias=True,
               planes=MAX_FIRST),
    )
}  # fmt: skip
"""Layouts that a file can be converted to, by name."""

CHANNEL_PARTS = ("channel_attn", "channel_attention", "channelattention", "channel_att", "channel_gate", "channel",
                 "ChannelGate", "ChannelAttention", "ch_gate", "chan_attn", "cam", "ca")  # fmt: skip
SPATIAL_PARTS = ("spatial_attn", "spatial_attention", "spatialattention", "spatial_att", "spatial_gate", "spatial",
                 "SpatialGate", "SpatialAttention", "sp_gate", "spat_attn", "sam", "sa")  # fmt: skip
LAYERS = (("fc.0", "fc.2"), ("fc1", "fc2"), ("mlp.0", "mlp.2"), ("mlp.1", "mlp.3"), ("mlp.fc1", "mlp.fc2"),
          ("fc.1", "fc.3"), ("shared_mlp.0", "shared_mlp.2"), ("shared_mlp.1", "shared_mlp.3"),
          ("sharedMLP.0", "sharedMLP.2"), ("se.0", "se.2"), ("fc.fc1", "fc.fc2"), ("f1", "f2"))  # fmt: skip
CONVOLUTIONS = (("spatial.conv", ("spatial.bn",)), ("conv.conv", ("conv.bn",)), ("conv.0", ("conv.1",)),
                ("conv1", ("bn1", "bn", "norm")), ("conv2d", ("bn",)), ("conv", ("bn", "norm")))  # fmt: skip
"""Names of the convolution inside a spatial attention, the longest first, each with names of the norm behind it."""


_KNOWN_PLANES: Mapping[tuple[str, str], Planes] = {
    ("spatial_attn", "conv"): MEAN_FIRST,
    ("spatial", "conv.conv"): MEAN_FIRST,
    ("sa", "conv1"): MEAN_FIRST,
    ("spatial_attention", "conv1"): MEAN_FIRST,
    ("SpatialGate", "spatial.conv"): MAX_FIRST,
    ("sp_gate", "conv.conv"): MAX_FIRST,
}
"""Order of planes by the names of a spatial attention and its convolution, as the code that such names come from has
it."""


@dataclass(frozen=True)
class FoundBlock:
    """The tensors of one CBAM among others.

    Attributes:
        prefix: what its names begin with in this library's layout, such as ``"cbam1."``.
        layers: names of the weights of the two layers; None where it has no channel attention.
        biases: names of their biases, where there are some.
        kernel: name of the kernel; None where it has no spatial attention.
        kernel_bias: name of its bias; "" where it has none.
        norm: what the names of its norm begin with; "" where it has none.
        planes: order of its planes; None where names do not say it.
        own: whether it is in this library's layout.
        written: how its parts are named, for messages.
    """

    prefix: str
    layers: tuple[str, str] | None
    biases: tuple[str, ...]
    kernel: str | None
    kernel_bias: str
    norm: str
    planes: Planes | None
    own: bool
    written: str

    def names(self, given: Collection[str]) -> set[str]:
        """Return the names of all of its tensors among given ones."""
        weights = {*(self.layers or ()), *self.biases, *filter(None, (self.kernel, self.kernel_bias))}
        return weights | {name for name in given if self.norm and name.startswith(f"{self.norm}.")}


Shapes = Mapping[str, tuple[int, ...]]


def find_blocks(shapes: Shapes) -> list[FoundBlock]:
    """Find every CBAM among the tensors of a state dict, in whatever common layout.

    Args:
        shapes: names of the tensors and their shapes.
    """
    channels, spatials = dict(_channel_parts(shapes)), dict(_spatial_parts(shapes))
    places = dict.fromkeys([*channels, *spatials])
    return [_block(at, channels.get(at), spatials.get(at), shapes) for at in places]


_At = tuple[str, str]
"""What stands before the parts of a block, and the number behind their names."""


def _channel_parts(shapes: Shapes) -> Iterator[tuple[_At, tuple[str, tuple[str, str]]]]:
    for name, shape in shapes.items():
        for first, second in LAYERS:
            at = _part(name, CHANNEL_PARTS, f"{first}.weight")
            if at is None:
                continue
            start = name.removesuffix(f"{first}.weight")
            other = shapes.get(f"{start}{second}.weight", ())
            if is_matrix(shape) and is_matrix(other) and shape[:2] == other[1::-1]:
                yield at[:2], (at[2], (f"{start}{first}", f"{start}{second}"))


def _spatial_parts(shapes: Shapes) -> Iterator[tuple[_At, tuple[str, str, str]]]:
    for name, shape in shapes.items():
        for conv, norms in CONVOLUTIONS:
            at = _part(name, SPATIAL_PARTS, f"{conv}.weight")
            if at is None or len(shape) != 4 or shape[:2] != (1, 2) or shape[2] != shape[3]:
                continue
            start = name.removesuffix(f"{conv}.weight")
            norm = next((f"{start}{one}" for one in norms if f"{start}{one}.running_var" in shapes), "")
            yield at[:2], (at[2], f"{start}{conv}", norm)
            break


def _part(name: str, parts: tuple[str, ...], rest: str) -> tuple[str, str, str] | None:
    """Split a name into what stands before a part, the number behind that part's name, and that name.

    Returns:
        None where the name has another end.
    """
    if not name.endswith(f".{rest}"):
        return None
    path = name.removesuffix(f".{rest}")
    before, _, last = path.rpartition(".")
    found = re.fullmatch(r"(.*?)_?(\d*)", last)
    if found is None or found[1] not in parts:
        return None
    return (f"{before}." if before else ""), found[2], found[1]


def _block(
    at: _At, channel: tuple[str, tuple[str, str]] | None, spatial: tuple[str, str, str] | None, shapes: Shapes
) -> FoundBlock:
    before, number = at
    layers = None if channel is None else channel[1]
    part, conv, norm = spatial or ("", "", "")
    inside = conv.removeprefix(before).partition(".")[2]
    said = [part for part in (layers[0] if layers else "", conv) if part]
    own = not number and all(
        path in (f"{before}channel_attn.fc.0", f"{before}spatial_attn.conv") for path in said
    ) and (layers is None or len(shapes[f"{layers[0]}.weight"]) == 2)  # fmt: skip
    return FoundBlock(
        prefix=f"{before}cbam{number}." if number else before,
        layers=None if layers is None else (f"{layers[0]}.weight", f"{layers[1]}.weight"),
        biases=tuple(f"{path}.bias" for path in layers or () if f"{path}.bias" in shapes),
        kernel=f"{conv}.weight" if conv else None,
        kernel_bias=f"{conv}.bias" if f"{conv}.bias" in shapes else "",
        norm=norm,
        planes=_KNOWN_PLANES.get((part, inside)),
        own=own,
        written=", ".join(path.removeprefix(before) for path in said),
    )


def is_matrix(shape: tuple[int, ...]) -> bool:
    """Check for the shape of a linear layer's weight, or of a 1x1 convolution's."""
    return len(shape) in (2, 4) and shape[2:] in ((), (1, 1))
