"""Which worker takes which file of tests."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadFileScheduling

BROWSER = "tests/browser/"


class BrowserTestsTogether(LoadFileScheduling):
    """The first worker takes files of browser tests as long as there are any; the others, once nothing else is left.

    Each worker that visits the app starts a Chromium and a server of its own, and has to compile the app's scripts.
    A browser test waits often, while the others compute: so both cores are busy.
    """

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(next_file(list(self.workqueue), first=node.gateway.id == "gw0"), last=False)
        super()._assign_work_unit(node)


def next_file(waiting: list[str], *, first: bool) -> str:
    """Choose from the files that nobody has taken yet.

    Args:
        waiting: their paths, in the order of their names; at least one.
        first: whether it is for the worker that takes browser tests before others.
    """
    browser = [file for file in waiting if file.startswith(BROWSER)]
    others = [file for file in waiting if not file.startswith(BROWSER)]
    if first:
        return (browser or others)[0]
    return others[0] if others else browser[-1]
