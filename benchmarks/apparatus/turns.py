"""Contenders that take turns in one run, what is made of their times, and how a claim is told."""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

Times = dict[str, list[float]]
"""Seconds, round by round, by the contender's name."""


def asked_rounds(description: str | None, default: int, arguments: Sequence[str] | None) -> int:
    """The number of rounds that the command line asks for.

    Args:
        description: a benchmark's docstring; its first line becomes the help.
        default: rounds where none are asked for.
        arguments: of the command line; None: those of this program.
    """
    return asked_rounds_or_quick(description, default, arguments)[0]


def asked_rounds_or_quick(
    description: str | None, default: int, arguments: Sequence[str] | None, quick: str | None = None
) -> tuple[int, bool]:
    """The number of rounds that the command line asks for, and whether a short estimate will do.

    Args:
        description: a benchmark's docstring; its first line becomes the help.
        default: rounds where none are asked for.
        arguments: of the command line; None: those of this program.
        quick: what ``--quick`` does; None for a benchmark without it.
    """
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=default, help=f"at least 1; {default} unless told")
    if quick is not None:
        parser.add_argument("--quick", action="store_true", help=quick)
    found = parser.parse_args(arguments)
    if found.rounds < 1:
        parser.error("--rounds must be at least 1")
    return found.rounds, getattr(found, "quick", False)


def take_turns(
    contenders: Mapping[str, Callable[[int], object]],
    rounds: int,
    *,
    warm_up: int = 3,
    clock: Callable[[], float] = perf_counter,
) -> Times:
    """Call each contender once a round, in an order drawn anew each time, so that none profits from its place.

    Args:
        contenders: what to time, by name; each gets the number of the round.
        rounds: how often.
        warm_up: rounds before these that do not count.
        clock: seconds; `time.process_time` counts those of this process on the processors alone.
    """
    order = random.Random(0)
    names = list(contenders)
    times: Times = {name: [] for name in names}
    for turn in range(-warm_up, rounds):
        for name in order.sample(names, len(names)):
            started = clock()
            contenders[name](turn)
            if turn >= 0:
                times[name].append(clock() - started)
    return times


def paired_ratio(times: Times, name: str, other: str) -> float:
    """Median of one contender's time over the other's in the same round: what slows a round slows both."""
    return statistics.median(a / b for a, b in zip(times[name], times[other], strict=True))


def medians(times: Mapping[str, Sequence[float]], digits: int = 2) -> dict[str, float]:
    """Median of each contender, milliseconds."""
    return {name: round(1000 * statistics.median(seconds), digits) for name, seconds in times.items()}


def tell(claim: str, figures: Mapping[str, Any], sentence: str, *, holds: bool) -> int:
    """Print one line of JSON and one sentence.

    Args:
        claim: the benchmark's name.
        figures: JSON-ready values.
        sentence: the same for people.
        holds: whether the claim does.

    Returns:
        The exit status: 0 when it holds.
    """
    print(json.dumps({"claim": claim, "holds": holds, **figures}))
    print(f"{'Holds' if holds else 'DOES NOT HOLD'}: {sentence}", flush=True)
    return 0 if holds else 1
