"""What is done before the first visitor comes, and while the first one looks around."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.resources import files

from app.services.images import samples_ahead
from app.services.networks import network, shipped_networks
from app.shell.router import PAGES
from cbam_core.serving import pass_over_what_is_loaded, prepare_to_serve

LOADED_BY_PAGES = ("pandas",)
"""What Streamlit imports only when a page needs it. The collector passes over what is there before the first visitor,
but walks through all that comes later, each time: through pandas alone for longer than a rerun takes."""


def warm_up() -> Callable[[], None]:
    """Do all that the first visitor would wait for: the network, the bundled images' results, and lazy imports.

    Returns:
        A function for the rest, while visitors are served: it imports what the other pages need.
    """
    prepare_to_serve(lambda: samples_ahead(network(shipped_networks()[0])), _import_first_page)
    return _load_other_pages


def _load_other_pages() -> None:
    _import_rooms(PAGES)
    pass_over_what_is_loaded()


def _import_first_page() -> None:
    for name in LOADED_BY_PAGES:
        import_module(name)
    _import_rooms(["widgets", next(iter(PAGES))])


def _import_rooms(rooms: Iterable[str]) -> None:
    home = files("app")
    modules = [
        f"app.{room}.{file.name[:-3]}"
        for room in rooms
        for file in (home / room).iterdir()
        if file.name.endswith(".py")
    ]
    for name in sorted(modules):
        import_module(name)
