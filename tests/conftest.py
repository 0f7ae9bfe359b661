"""How the suite runs; what tests share is in `tests.fixtures`."""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest

from tests.loggers import loggers_may_be_made_meanwhile, records_reach_the_root

SKIP_BROWSER = "CBAM_SKIP_BROWSER"

gc.disable()  # until all tests are collected: loading modules makes many objects, and next to no garbage


@pytest.hookimpl(tryfirst=True)  # a profile of Hypothesis that the command line names is loaded after ours
def pytest_configure(config: pytest.Config) -> None:
    """Import what tests share, but not in the process that only hands files of tests to others: it needs no torch."""
    if config.getoption("dist", "no") == "no" or config.option.collectonly:
        config.pluginmanager.import_plugin("tests.fixtures")
    else:
        from tests.forked_workers import fork_workers

        fork_workers(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import test modules before they are collected, each worker from another one on: see `tests.sharing`."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from tests.sharing import files_of, import_modules, rotated

        worker, workers = int(os.environ["PYTEST_XDIST_WORKER"][2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        import_modules(rotated(files_of(session.config.args, session.config.rootpath), worker, workers))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if named := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"the address of an object differs between processes, so no name has one: {named[0]}")
    if os.environ.get(SKIP_BROWSER) == "1":
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=f"{SKIP_BROWSER}=1"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getoption("dist") != "loadfile":
        return None
    from tests.schedule import BrowserTestsTogether

    return BrowserTestsTogether(config, log)


def pytest_collection_finish() -> None:
    """Exclude what is loaded from garbage collection, which would look at it again and again; collect less often.

    Pytest is spared work for each logger, too.
    """
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()
    records_reach_the_root()
    loggers_may_be_made_meanwhile()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(SKIP_BROWSER in str(report.longrepr) for report in skipped)
    if count:
        said = f"{count} browser tests were NOT run, because {SKIP_BROWSER}=1"
        terminalreporter.write_sep("!", said, yellow=True)
