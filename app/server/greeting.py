"""What the operator reads in the terminal when the server has started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.server.addresses import addresses_for_others, in_container
from app.server.options import is_loopback, is_wildcard

if TYPE_CHECKING:
    from app.server.launch import PublishedAddress


def greeting(address: PublishedAddress, port: int) -> Iterator[str]:
    """What the operator reads when the server has started, line by line, for the port really in use."""
    yield f"CBAM Lens is ready at {address.url(port)} (Ctrl+C stops it)"
    if is_wildcard(address.host):
        yield from _for_others(address, port)
    if not is_loopback(address.host):
        yield (
            f"It listens on {'every network of this machine' if is_wildcard(address.host) else address.host}: "
            f"anyone who can reach port {port} can open it and upload images; there is no login."
        )


def _for_others(address: PublishedAddress, port: int) -> Iterator[str]:
    """What people at other machines type, where the server listens on every network."""
    if address.server_address:
        yield f"Others open it under the name {address.server_address}, and under no other name or address."
        return
    found = addresses_for_others(ipv6=":" in address.host)
    if not found:
        yield "No address of this machine in a network was found: others cannot open it now."
        return
    yield "Others open " + " or ".join(address.url(port, host) for host in found)
    if in_container():
        yield "This is a container: from outside, use the address of its machine, and the port published there."
