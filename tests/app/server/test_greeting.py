"""What the launcher says about addresses."""

import pytest

from app.server.greeting import greeting
from app.server.launch import PublishedAddress


@pytest.fixture
def machine(monkeypatch):
    """Gives this machine other addresses, inside or outside of a container."""

    def become(*addresses, contained=False):
        def own(*, ipv6):
            return [address for address in addresses if ipv6 or ":" not in address]

        monkeypatch.setattr("app.server.greeting.addresses_for_others", own)
        monkeypatch.setattr("app.server.greeting.in_container", lambda: contained)

    return become


def test_the_greeting_says_what_listening_on_every_network_means(machine):
    machine("192.168.1.20")
    first, second, third = greeting(PublishedAddress(host="0.0.0.0"), 8501)
    assert first == "CBAM Lens is ready at http://localhost:8501 (Ctrl+C stops it)"
    assert second == "Others open http://192.168.1.20:8501"
    assert "anyone" in third
    assert len(list(greeting(PublishedAddress(), 8501))) == 1


def for_others(**address):
    return list(greeting(PublishedAddress(**address), 8501))[1]


def test_every_address_that_others_can_type_is_named(machine):
    machine("192.168.1.20", "10.0.0.7", "fd00::2")
    path = "/tools/lens"
    both = f"http://192.168.1.20:8501{path} or http://10.0.0.7:8501{path}"
    assert for_others(host="0.0.0.0", base_path="tools/lens") == f"Others open {both}"
    assert for_others(host="::", base_path="tools/lens") == f"Others open {both} or http://[fd00::2]:8501{path}"


def test_a_machine_without_a_network_says_so(machine):
    machine("fd00::2")
    assert for_others(host="0.0.0.0").startswith("No address of this machine in a network was found")


def test_a_container_says_that_others_need_the_address_of_its_machine(machine):
    machine("172.17.0.2", contained=True)
    lines = list(greeting(PublishedAddress(host="0.0.0.0"), 8501))
    assert lines[1] == "Others open http://172.17.0.2:8501"
    assert lines[2].startswith("This is a container: from outside, use the address of its machine")


def test_a_server_for_one_name_gives_others_that_name_alone(machine):
    machine("192.168.1.20")
    said = for_others(host="0.0.0.0", server_address="lens.example.org")
    assert "lens.example.org" in said
    assert "192.168.1.20" not in said


def test_the_address_of_one_network_is_the_one_that_others_type(machine):
    machine()
    lines = list(greeting(PublishedAddress(host="192.168.1.20"), 8501))
    assert lines[0].startswith("CBAM Lens is ready at http://192.168.1.20:8501 ")
    assert len(lines) == 2


def test_an_ipv6_address_is_written_as_browsers_want_it():
    assert PublishedAddress(host="::1", base_path="lens").url(80) == "http://[::1]:80/lens"
