"""The addresses of a machine that others can type: which of its interfaces count."""

import socket

import pytest

from app.server import addresses
from app.server.addresses import addresses_for_others, in_container


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A Linux machine with the interfaces that it is given: IPv4 by name, IPv6 as the kernel lists them."""

    def become(ipv4, ipv6="", routes=(), name=()):
        listed = tmp_path / "if_inet6"
        listed.write_text(ipv6)
        monkeypatch.setattr(addresses, "_IPV6_INTERFACES", listed)
        monkeypatch.setattr(socket, "if_nameindex", lambda: [*enumerate(ipv4, 1)])
        monkeypatch.setattr(addresses, "_ipv4_of", ipv4.__getitem__)
        monkeypatch.setattr(addresses, "_of_usual_route", dict(routes).get)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(0, 0, 0, "", (each, 0)) for each in name])

    return become


def line(address, name, flags="80", scope="00"):
    return f"{address} 02 40 {scope} {flags} {name}\n"


def test_the_usual_way_out_comes_first_and_each_address_once(machine):
    machine({"eth0": "10.0.0.7", "wlan0": "192.168.1.20"}, routes={socket.AF_INET: "192.168.1.20"})
    assert addresses_for_others(ipv6=False) == ["192.168.1.20", "10.0.0.7"]


def test_what_only_this_machine_understands_is_left_out(machine):
    machine(
        {"lo": "127.0.0.1", "eth0": "10.0.0.7", "docker0": "172.17.0.1", "br-1f": "172.18.0.1", "eth1": "169.254.3.4"},
        line("fe8000000000000000fc00fffe000001", "eth0", scope="20") + line("0" * 31 + "1", "lo"),
    )
    assert addresses_for_others(ipv6=True) == ["10.0.0.7"]


def test_ipv6_addresses_count_where_the_server_listens_on_them(machine):
    machine({"eth0": "10.0.0.7"}, line("fd000000000000000000000000000002", "eth0"))
    assert addresses_for_others(ipv6=True) == ["10.0.0.7", "fd00::2"]
    assert addresses_for_others(ipv6=False) == ["10.0.0.7"]


@pytest.mark.parametrize("flags", ["a0", "c0", "88"], ids=["deprecated", "tentative", "taken by another"])
def test_an_ipv6_address_that_does_not_work_is_left_out(machine, flags):
    machine({}, line("fd000000000000000000000000000002", "eth0", flags))
    assert addresses_for_others(ipv6=True) == []


def test_where_interfaces_cannot_be_asked_the_machines_name_tells(machine):
    machine({"en0": ""}, name=["127.0.1.1", "192.168.1.20", "fe80::1%en0"])
    assert addresses_for_others(ipv6=True) == ["192.168.1.20"]


def test_without_a_network_there_is_none(machine):
    machine({"lo": "127.0.0.1"})
    assert addresses_for_others(ipv6=True) == []


def test_this_machines_own_addresses_can_be_listened_on():
    for address in addresses_for_others(ipv6=False):
        with socket.create_server((address, 0)) as server:
            assert server.getsockname()[0] == address


def test_a_container_is_known_by_the_file_of_its_engine(monkeypatch, tmp_path):
    monkeypatch.setattr(addresses, "IN_CONTAINER", (tmp_path / "engine",))
    assert not in_container()
    (tmp_path / "engine").touch()
    assert in_container()
