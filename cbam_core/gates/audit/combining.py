"""One answer from what the calls say and what made-up maps showed; none where the two do not agree."""

from __future__ import annotations

import math
from typing import Any

from cbam_core.gates.audit.probing import Probed
from cbam_core.gates.audit.reading import Reading
from cbam_core.gates.audit.slices import Slice
from cbam_core.results.audit import GateAudit, How

Answer = tuple[Any, How | None]
"""What is known, and how; (None, None) for nothing."""

NOTHING: Answer = (None, None)


def combine(cut: Slice, reading: Reading, probed: Probed) -> GateAudit:
    """Say what one gate is made of."""
    pools = _pools(cut, reading, probed)
    known: dict[str, Answer] = {
        "pools": pools,
        "joined": _joined(cut, reading, probed, pools[0]),
        "shared": _shared(cut, reading, probed, pools[0]),
        "layers": _read(cut, reading.depth),
        "hidden": _read(cut, _hidden(cut, reading)),
        "kernel": _kernel(cut, reading, probed),
        "bias": _bias(cut, reading, probed),
        "norms": _norms(cut, reading, probed),
        "activations": _read(cut, reading.activations),
        "squash": _squash(cut, probed),
        "planes": _read(cut, _order(reading, pools[0])),
        "ordered": (probed.ordered, "probed") if probed.ordered is not None else NOTHING,
    }
    values: dict[str, Any] = {name: value for name, (value, _) in known.items()}
    return GateAudit(
        name=cut.site.name,
        kind=cut.site.kind,
        channels=cut.channels,
        late=reading.late if cut.whole and probed.squash is not None and not probed.apart else (),
        dilation=max((layer.dilation for layer in reading.layers), default=1),
        scale=cut.gate.judged.part.scale,
        shift=cut.gate.judged.part.shift,
        other_map=cut.other,
        how={name: how for name, (_, how) in known.items() if how is not None},
        **values,
    )


def _read(cut: Slice, value: Any) -> Answer:
    return (value, "read") if cut.whole else NOTHING


def _agreed(said: Any, seen: Any) -> Answer:
    """Return what both say, or one of them where the other says nothing; nothing where they differ."""
    if seen is None:
        return (said, "read") if said is not None else NOTHING
    if said is None:
        return seen, "probed"
    return (said, "both") if said == seen else NOTHING


def _pools(cut: Slice, reading: Reading, probed: Probed) -> Answer:
    said, seen = (reading.pools if cut.whole else None), probed.pools
    if seen is None or said is None or not seen:
        return _agreed(said or None, seen or None)
    if seen == ("other",):
        return (said, "both") if set(said) - {"mean", "max"} else (seen, "probed")
    if set(said) == set(seen):
        return said, "both"
    return (said, "read") if set(seen) < set(said) <= {"mean", "max"} else (seen, "probed")


def _joined(cut: Slice, reading: Reading, probed: Probed, pools: tuple[str, ...] | None) -> Answer:
    if pools is None or set(pools) != {"mean", "max"}:
        return ("one", "read") if pools is not None and len(pools) == 1 else NOTHING
    if cut.site.kind == "spatial":
        return _planes(cut, reading)
    if probed.apart:
        return "apart", "both"
    said = None if not cut.whole else "before" if reading.joined else "sum"
    if said == "before":
        return said, "both" if probed.additive is False else "read"
    return _agreed(said, None if probed.additive is None else "sum" if probed.additive else "otherwise")


def _planes(cut: Slice, reading: Reading) -> Answer:
    """Say whether one convolution takes both pools as planes, or several take one each, which is the same."""
    if not cut.whole or not reading.layers:
        return NOTHING
    first = reading.layers[0]
    if first.inputs == 2 and len(first.labels) == 2:
        return "planes", "read"
    if first.inputs == 1 and reading.joined:
        return "before", "read"
    apart = len(reading.layers) == 2 == len({layer.labels for layer in reading.layers})
    return ("planes", "read") if apart and all(len(layer.labels) == 1 for layer in reading.layers) else NOTHING


def _order(reading: Reading, pools: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the pools in the order of planes; one that is no known call is what the probes leave."""
    known = [one for one in reading.planes if one in ("mean", "max")]
    if len(reading.planes) == 2 and len(known) == 1 and pools is not None and set(pools) == {"mean", "max"}:
        other = "max" if known[0] == "mean" else "mean"
        return tuple(one if one in known else other for one in reading.planes)
    return reading.planes or None


def _shared(cut: Slice, reading: Reading, probed: Probed, pools: tuple[str, ...] | None) -> Answer:
    if pools is None or set(pools) != {"mean", "max"} or cut.site.kind != "channel":
        return NOTHING
    said = reading.shared if cut.whole else None
    seen = probed.alike if probed.additive else None
    if said is False and seen is True:
        return said, "read"  # two perceptrons may have equal weights
    return _agreed(said, seen)


def _hidden(cut: Slice, reading: Reading) -> int | None:
    if cut.site.kind != "channel" or reading.depth < 2:
        return None
    return reading.layers[0].outputs


def _kernel(cut: Slice, reading: Reading, probed: Probed) -> Answer:
    masks = cut.site.kind == "spatial"
    kernels = [one.kernel for one in reading.layers if one.kernel and (masks or max(one.kernel) > 1)]
    if not cut.whole or not kernels:
        return NOTHING
    largest = max(kernels, key=math.prod)
    reach = tuple(1 + (side - 1) * reading.layers[0].dilation for side in largest)
    return largest, "both" if len(kernels) == 1 and probed.extent == reach else "read"


def _bias(cut: Slice, reading: Reading, probed: Probed) -> Answer:
    if not cut.whole:
        return NOTHING
    if reading.offset:
        return True, "both" if probed.offset else "read"
    if reading.norms:
        return False, "read"  # an offset may be the norm's
    return (True, "probed") if probed.offset else (False, "both" if probed.offset is False else "read")


def _norms(cut: Slice, reading: Reading, probed: Probed) -> Answer:
    """Say which norms there are; nothing where values count relative to each other, and no call says why."""
    if not cut.whole:
        return NOTHING
    if not reading.norms:
        return NOTHING if probed.rescaled else (reading.norms, "read" if probed.rescaled is None else "both")
    return reading.norms, "both" if probed.rescaled and not reading.resting else "read"


def _squash(cut: Slice, probed: Probed) -> Answer:
    maker = cut.last.name if cut.last is not None else ""
    named = {"sigmoid": "sigmoid", "hardsigmoid": "hard sigmoid", "tanh": "tanh", "softmax": "softmax"}.get(maker)
    if probed.squash is None:
        return (named, "read") if named and cut.whole else NOTHING
    return probed.squash, "both" if named == probed.squash else "probed"
