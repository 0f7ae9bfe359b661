"""Connecting to Ray: to a cluster, or to processes on this machine that nobody else can reach."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cbam_core.errors import AtlasError

TIMEOUT = 5.0
"""Seconds in which a cluster must answer."""

_LOOPBACK = "127.0.0.1"


@contextmanager
def connected(address: str, workers: int | None = None, gpus: float = 0.0) -> Iterator[None]:
    """Connect to Ray for a block; a connection that this process already has is used and kept.

    Environment variables that Ray reads when it is imported are set for this process and those that it starts, unless
    they are set.

    Args:
        address: ``"local"``, ``"auto"`` or ``"HOST:PORT"``.
        workers: processes for ``"local"``; None for the number of processors.
        gpus: GPUs that a task needs.

    Raises:
        AtlasError: there is no such cluster, or it has no processor, or not so many GPUs.
        ModuleNotFoundError: Ray is not installed.
    """
    _check_address(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == "local":
        _stay_on_this_machine()
    import ray

    if ray.is_initialized():
        _check_resources(gpus)
        yield
        return
    with _started(workers) if address == "local" else _joined(address), _noted_messages():
        _check_resources(gpus)
        yield


def _check_address(address: str) -> None:
    if address in {"local", "auto"} or re.fullmatch(r"[^\s/:]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", address):
        return
    raise AtlasError(
        "atlas.odd-address",
        "'{given}' is no address of a Ray cluster; expected local, auto, or host and port of its head, as in "
        "10.0.0.1:6379, on a machine of that cluster",
        given=address[:60],
    )


def _stay_on_this_machine() -> None:
    """Set what keeps local processes of Ray on the loopback device, each with a secret that they alone know.

    Ray reads these variables when it is imported, and binds the machine's outer address without the first.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


@contextmanager
def _started(workers: int | None) -> Iterator[None]:
    """Run processes of Ray on this machine for a block.

    Raises:
        AtlasError: Ray was imported in another way before, or its processes do not start in time.
    """
    import ray
    from ray._private import ray_constants

    if ray_constants.ENABLE_RAY_CLUSTER:
        raise AtlasError(
            "atlas.ray-imported",
            "this process has imported Ray before, in the way that binds the machine's outer address; build in a "
            "process of its own, or set RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 before importing it",
        )
    with tempfile.TemporaryDirectory(prefix="cbam-ray-", ignore_cleanup_errors=True) as folder:
        try:
            _start(workers, folder)
            yield
        finally:
            ray.shutdown()


def _start(workers: int | None, folder: str) -> None:
    import ray

    try:
        ray.init(
            address="local",
            num_cpus=workers,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address=_LOOPBACK,
            _temp_dir=folder,
        )
    except Exception as error:  # Ray raises no class of its own here
        if "timed out" not in str(error):
            raise
        raise AtlasError(
            "atlas.ray-late",
            "Ray's processes did not start on this machine in the time that Ray gives them: run the same command again "
            "when the machine is less busy, or build without Ray",
        ) from error


@contextmanager
def _joined(address: str) -> Iterator[None]:
    """Connect to a cluster for a block.

    Raises:
        AtlasError: there is none, or it refuses.
    """
    import ray

    try:
        ray.init(address=_located(address), log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise AtlasError(
            "atlas.no-cluster",
            "there is no Ray cluster at {address} that lets this machine in ({reason}); start one with `ray start "
            "--head`, run this on one of its machines, and use its token if it has one",
            address=address,
            reason=str(error).strip().partition("\n")[0][:200] or type(error).__name__,
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _located(address: str) -> str:
    """Find the head of a cluster, and check that it answers; Ray itself would try for ten minutes.

    Ray takes the loopback device for the machine's outer address, so a cluster that listens on that device alone is
    looked for a second time.

    Raises:
        OSError: there is none, or it does not answer.
    """
    from ray._private import ray_constants, services

    untyped: Any = services
    found = untyped.canonicalize_bootstrap_address(address)
    if found is None:
        raise ConnectionError("no cluster runs on this machine")
    try:
        _reach(found)
    except OSError:
        ray_constants.ENABLE_RAY_CLUSTER = False
        found = untyped.canonicalize_bootstrap_address(address)
        _reach(found)
    return str(found)


def _reach(address: str) -> None:
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), TIMEOUT).close()


def resources() -> dict[str, float]:
    """Return what the cluster has at this moment, such as ``{"CPU": 64.0}``."""
    import ray

    untyped: Any = ray
    return dict(untyped.cluster_resources())


@contextmanager
def _noted_messages() -> Iterator[None]:
    """Have one line in the log for each lost task or machine; Ray would print a page to standard output."""
    from ray._private import worker

    untyped: Any = worker
    printed = untyped.print_to_stdstream
    untyped.print_to_stdstream = _note
    try:
        yield
    finally:
        untyped.print_to_stdstream = printed


def _note(message: dict[str, Any], **_: object) -> None:
    first = " ".join(map(str, message.get("lines", ()))).strip().partition("\n")[0]
    logging.getLogger("cbam_lens").warning("Ray: %s", first[:200])


def _check_resources(gpus: float) -> None:
    there = resources()
    for name, needed in (("CPU", 1.0), ("GPU", gpus)):
        if there.get(name, 0) < needed:
            raise AtlasError(
                "atlas.no-resource",
                "the cluster has {there:g} {name} and a task needs {needed:g}; add machines, or ask for less",
                there=there.get(name, 0.0),
                name=name,
                needed=needed,
            )
