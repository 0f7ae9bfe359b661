"""Claim: in a network of timm, `capture` costs at most 15 % over the plain forward of 8 images, 35 % over that of one.

Learning where its gates are, once for each network, takes at most 5 forwards, and all 16 gates are found.

timm's ResNet-18 with a CBAM in each block (`block_args={"attn_layer": "cbam"}`), random weights, 64x64 pixels,
inference mode, one torch thread. A round runs the plain forward, the captured one, the first captured one of a copy
that has not been learnt, and the plain one once more, in an order drawn anew each time, by processor time. What counts
is the median of the ratios within rounds; for learning, that of the first captured forward without the captured one.

torchlens logs every operation instead. Its `trace` and its sparser `record`, which both save the outputs of sigmoids
alone, are reported beside the claim: a tenth of the rounds, in which plain forwards run as well.

    python benchmarks/foreign_capture.py [--rounds 300]

Needs the extra `bench`, and timm.
"""

from __future__ import annotations

import copy
import statistics
import sys
import warnings
from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

import torch
from apparatus.turns import Times, asked_rounds, medians, paired_ratio, take_turns, tell
from torch import Tensor, nn

from cbam_core import capture

LIMITS = {1: 1.35, 8: 1.15}
"""Largest time over that of the plain forward, by images in the batch."""

LEARNING_LIMIT = 5.0
"""Largest time of learning, in plain forwards."""

GATES = 16
"""Number of gates of the network: two in each of eight blocks."""

WARM_UP = 3


def network() -> nn.Module:
    """A ResNet-18 with a CBAM in each block, in eval mode."""
    import timm

    torch.manual_seed(0)
    return timm.create_model("resnet18", block_args={"attn_layer": "cbam"}).eval()


def twins(model: nn.Module, count: int) -> list[nn.Module]:
    """Copy a network's modules, not its weights."""
    shared: dict[int, Any] = {id(tensor): tensor for tensor in [*model.parameters(), *model.buffers()]}
    return [copy.deepcopy(model, dict(shared)) for _ in range(count)]


def contenders(model: nn.Module, batch: Tensor, rounds: int) -> dict[str, Callable[[int], object]]:
    """The same forward: plain, captured, and captured for the first time."""
    unlearnt = twins(model, rounds + WARM_UP)

    def captured(_: int) -> object:
        with capture(model):
            return model(batch)

    def learning(number: int) -> object:
        twin = unlearnt[number]
        with capture(twin):
            return twin(batch)

    def plain(_: int) -> object:
        return model(batch)

    return {"plain": plain, "captured": captured, "learning": learning, "control": plain}


def torchlens_times(model: nn.Module, batch: Tensor, rounds: int) -> Times:
    """Times of torchlens and of plain forwards, in the number of rounds."""
    import torchlens

    sigmoid = torchlens.func("sigmoid")
    others: dict[str, Callable[[int], object]] = {
        "trace": lambda _: torchlens.trace(model, batch, save=sigmoid),
        "record": lambda _: torchlens.record(model, batch, save=sigmoid),
        "plain": lambda _: model(batch),
    }
    return take_turns(others, rounds, warm_up=1, clock=process_time)


def learning_cost(times: Times) -> float:
    """Median of what a first captured forward takes more than a later one, in plain forwards."""
    rounds = zip(times["learning"], times["captured"], times["plain"], strict=True)
    return statistics.median((first - later) / plain for first, later, plain in rounds)


def measured(model: nn.Module, size: int, rounds: int) -> dict[str, Any]:
    """Costs for batches of one size."""
    batch = torch.randn(size, 3, 64, 64, generator=torch.Generator().manual_seed(size))
    times = take_turns(contenders(model, batch, rounds), rounds, warm_up=WARM_UP, clock=process_time)
    with capture(model) as record:
        model(batch)
    return {
        "limit": LIMITS[size],
        "gates": len(record.gates),
        "rounds": rounds,
        "captured": round(paired_ratio(times, "captured", "plain"), 3),
        "control": round(paired_ratio(times, "control", "plain"), 3),
        "learning_forwards": round(learning_cost(times), 2),
        "milliseconds": medians(times),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 300, arguments)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the libraries, at import
    model = network()
    with torch.inference_mode():
        batches = {size: measured(model, size, rounds) for size in LIMITS}
    with torch.no_grad():  # torchlens refuses inference mode; last, for it wraps torch's functions
        for size, figures in batches.items():
            batch = torch.randn(size, 3, 64, 64, generator=torch.Generator().manual_seed(size))
            times = torchlens_times(model, batch, max(1, rounds // 10))
            figures["torchlens"] = {name: round(paired_ratio(times, name, "plain"), 2) for name in ("trace", "record")}
    return tell(
        "foreign_capture",
        {"learning_limit": LEARNING_LIMIT, "batches": batches},
        _sentence(batches),
        holds=_holds(batches),
    )


def _holds(batches: dict[int, dict[str, Any]]) -> bool:
    return all(
        figures["captured"] <= LIMITS[size]
        and figures["learning_forwards"] <= LEARNING_LIMIT
        and figures["gates"] == GATES
        for size, figures in batches.items()
    )


def _sentence(batches: dict[int, dict[str, Any]]) -> str:
    one, many = batches[1], batches[8]
    learning = max(figures["learning_forwards"] for figures in batches.values())
    return (
        f"capturing a timm network costs {100 * (one['captured'] - 1):.1f} % of a forward of one image (at most 35 %), "
        f"{100 * (many['captured'] - 1):.1f} % of a forward of 8 (at most 15 %), learning {learning:.1f} forwards (at "
        f"most {LEARNING_LIMIT:.0f}); torchlens takes {one['torchlens']['record']:.1f} to "
        f"{one['torchlens']['trace']:.1f} forwards for one image, {many['torchlens']['record']:.1f} to "
        f"{many['torchlens']['trace']:.1f} for 8"
    )


if __name__ == "__main__":
    sys.exit(main())
