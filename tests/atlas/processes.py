"""What processes of this machine do, read from /proc: whose children they are, and where they listen."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LISTENING, ESTABLISHED = "0A", "01"


@dataclass(frozen=True)
class Connection:
    """One TCP socket: its state, its own address and that of the other side."""

    state: str
    own: ipaddress.IPv4Address | ipaddress.IPv6Address
    other: ipaddress.IPv4Address | ipaddress.IPv6Address


def below(pid: int) -> dict[int, str]:
    """Find the children of a process, theirs and so on, with their command lines."""
    parents, commands = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    found = {pid}
    for _ in parents:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            break
        found |= more
    return {child: commands[child] for child in found - {pid} if child in commands}


def connections(pids: set[int]) -> list[Connection]:
    """List the TCP sockets of some processes."""
    inodes = set()
    for pid in pids:
        with suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    inodes.add(str(handle.readlink()).removeprefix("socket:[").removesuffix("]"))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[9] in inodes:
                found.append(Connection(words[3], _address(words[1]), _address(words[2])))
    return found


def _address(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address as the kernel writes it: words of four bytes in the machine's order; 4 in 6 as 4."""
    digits = written.partition(":")[0]
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(words) == 1:
        return ipaddress.ip_address(socket.inet_ntop(socket.AF_INET, packed))
    six = ipaddress.IPv6Address(packed)
    return six.ipv4_mapped or six


def kill(*pids: int) -> None:
    """End processes at once, those that are there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], object], seconds: float = 150.0, pause: float = 0.02) -> None:
    """Wait for a condition, with a pause between two looks; fail if it does not come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(pause)
