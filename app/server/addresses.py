"""Under which addresses can others reach a server that listens on every network of this machine?

Without a packet sent and without a name looked up: the system is asked for its own interfaces.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

VIRTUAL: Final = ("br-", "cni", "docker", "lxc", "podman", "veth", "virbr")
"""Beginnings of the names of interfaces that lead to containers and virtual machines on this machine alone."""

IN_CONTAINER: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that container engines put into a container."""

_IPV6_INTERFACES: Final = Path("/proc/net/if_inet6")
_ADDRESS_OF_INTERFACE: Final = 0x8915
"""Linux's request SIOCGIFADDR."""

_UNUSABLE: Final = 0x20 | 0x40 | 0x08
"""Flags of an IPv6 address that is deprecated, not yet checked, or taken by another machine."""

_ELSEWHERE: Final = {socket.AF_INET: "198.51.100.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation, which nobody has: a datagram socket that is connected to one sends nothing."""


def addresses_for_others(*, ipv6: bool) -> list[str]:
    """Addresses of this machine in its networks, that of the usual way out first.

    Args:
        ipv6: whether IPv6 addresses count, too.
    """
    families = [socket.AF_INET, *([socket.AF_INET6] if ipv6 else [])]
    found = [*(_of_usual_route(family) for family in families), *_of_interfaces()]
    if not any(found):
        found = _of_host_name()
    kept = [address for address in dict.fromkeys(found) if address and _is_for_others(address)]
    return [address for address in kept if ipv6 or ":" not in address]


def in_container() -> bool:
    """Whether this process runs in a container, whose addresses others may not reach."""
    return any(path.exists() for path in IN_CONTAINER)


def _is_for_others(address: str) -> bool:
    """Whether an address means this machine to others as well, and can be typed without a zone."""
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified or parsed.is_multicast)


def _of_usual_route(family: socket.AddressFamily) -> str:
    """Address that packets to far away would come from; "" where there is no way out."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_ELSEWHERE[family], 9))
        return str(probe.getsockname()[0])
    return ""


def _of_interfaces() -> Iterator[str]:
    """Addresses of all interfaces but virtual ones; none where the system is not Linux."""
    with suppress(OSError):
        for _, name in socket.if_nameindex():
            if not name.startswith(VIRTUAL):
                yield _ipv4_of(name)
    with suppress(OSError):
        for line in _IPV6_INTERFACES.read_text(encoding="ascii").splitlines():
            digits, _, _, _, flags, name = line.split()
            if not int(flags, 16) & _UNUSABLE and not name.startswith(VIRTUAL):
                yield str(ipaddress.IPv6Address(int(digits, 16)))


def _ipv4_of(interface: str) -> str:
    """An interface's first IPv4 address; "" where it has none."""
    try:
        import fcntl
    except ImportError:  # Windows
        return ""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("256s", interface.encode()[:15])
        return socket.inet_ntoa(fcntl.ioctl(probe.fileno(), _ADDRESS_OF_INTERFACE, request)[20:24])
    return ""


def _of_host_name() -> list[str]:
    """What this machine's own name stands for."""
    with suppress(OSError):
        return [str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(socket.gethostname(), None)]
    return []
