"""What is done before the first visitor comes."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files

from app.services.images import samples_ahead
from app.services.networks import network, shipped_networks
from app.shell.router import PAGES
from cbam_core.serving import prepare_to_serve

LOADED_BY_PAGES = ("pandas",)
"""What Streamlit imports only when a page needs it. The collector passes over what is there before the first visitor,
but walks through all that comes later, each time: through pandas alone for longer than a rerun takes."""


def warm_up() -> None:
    """Everything that the first visitor would wait for: the network, the bundled images' results, and lazy imports."""
    prepare_to_serve(lambda: samples_ahead(network(shipped_networks()[0])), _import_what_pages_need)


def _import_what_pages_need() -> None:
    home = files("app")
    rooms = ["widgets", *PAGES]
    modules = [
        f"app.{room}.{file.name[:-3]}"
        for room in rooms
        for file in (home / room).iterdir()
        if file.name.endswith(".py")
    ]
    for name in (*LOADED_BY_PAGES, *sorted(modules)):
        import_module(name)
