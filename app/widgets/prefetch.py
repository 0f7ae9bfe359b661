"""Results sent ahead: what the network makes of every image of a strip, so that a choice is painted at once.

The browser keeps them by channel. A strip that a visitor chooses from announces the result that lies ready; prediction
and attention viewer of the same channel paint it, and the server's own answer, which comes a moment later, finds it
there. What has not arrived, or belongs to another network, is waited for as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from app.session.words import ENGLISH, language
from app.widgets.component import component, script


@dataclass(frozen=True)
class Lane:
    """Where results sent ahead are kept in the browser.

    Attributes:
        channel: name under which a strip and its results find each other, such as ``"sample"``; "" for none.
        network: digest of the network that the results belong to.
    """

    channel: str = ""
    network: str = ""


NO_LANE = Lane()
"""Of thumbnails whose results are not sent ahead."""


@dataclass(frozen=True)
class Ahead:
    """Which result a part of the page shows, for parts that also paint results sent ahead.

    Attributes:
        channel: whose results lie ready, such as ``"sample"``.
        network: digest of the network that the result belongs to.
        index: of the image in its strip.
        generation: changes whenever the page chooses instead of the visitor.
    """

    channel: str
    network: str
    index: int
    generation: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "channel": self.channel,
            "of": results_key(self.network),
            "index": self.index,
            "generation": self.generation,
        }


def send_ahead(channel: str, network: str, results: str) -> None:
    """Send results to the browser; they take no room on the page.

    Args:
        channel: under which they are kept.
        network: digest of the network that they belong to.
        results: JSON list by index, each with ``prediction``, ``view`` and ``rgb``.
    """
    _component()(key=f"ahead-{channel}", data={"channel": channel, "of": results_key(network), "results": results})


def results_key(network: str) -> str:
    """The key of a network's results in the browser: its digest, and the language of their words."""
    return network if not network or language() == ENGLISH else f"{network} {language()}"


@cache
def _component() -> Any:
    return component("prefetch", "<span hidden></span>")


def painter() -> str:
    """The JavaScript by which a part of the page paints what was sent ahead: `paintAhead` and `leaveAhead`."""
    return script("paint_prefetched")
