"""The way to each page: its address, its name in the sidebar, and the function that draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import streamlit as st

from app import services
from app.session import choices, links
from app.session.words import Words
from app.shell.language import language_switch
from app.shell.link_notice import say_unmet
from app.shell.lost_uploads import say_loss
from app.shell.sidebar import choose_network
from app.shell.upload_words import upload_words
from cbam_core.errors import CbamError
from cbam_core.network import Classifier

WORDS = Words(
    {
        "inspect": "Inspect",
        "compare": "Compare",
        "whatif": "What if",
        "evidence": "Evidence",
        "atlas": "Atlas",
        "model": "Model",
        "training": "Training",
    }
)

PAGES: Mapping[str, str] = {
    "inspect": "visibility",
    "compare": "compare",
    "whatif": "experiment",
    "evidence": "fact_check",
    "atlas": "map",
    "model": "account_tree",
    "training": "show_chart",
}
"""Folders of `app` that hold a page, in the sidebar's order, with the Material icon of each.

A page is the function ``page(classifier, asked)`` of ``app/NAME/page.py``: it is given the network that the sidebar
selects, and what the address asks for (see `app.session.links.arrive`): the parameters that it names itself in
``PARAMETERS`` of ``app/NAME/link.py``, and those that all pages have. The first page stands at the app's own
address, the others at their folder's name.
"""


@dataclass
class _Given:
    """What a page is given; known only after all pages are registered with Streamlit."""

    arguments: tuple[Classifier, dict[str, Any]] | None = None


def run_page() -> None:
    """Draw the sidebar, and the page that the address names."""
    given = _Given()
    first = next(iter(PAGES))
    hidden = set() if services.training_runs() else {"training"}
    pages = {
        name: st.Page(
            partial(_draw, name, given),
            title=WORDS[name],
            url_path=name,
            icon=f":material/{icon}:",
            default=name == first,
            visibility="hidden" if name in hidden else "visible",
        )
        for name, icon in PAGES.items()
    }
    page = st.navigation([*pages.values()])
    if (asked_for := links.going()) is not None and pages[asked_for] is not page:
        st.switch_page(pages[asked_for])
    name = page.url_path or first
    choices.enter(name)
    asked = links.arrive(parameters_of(name), name)
    with st.sidebar:  # outside of the page, with which Streamlit would forget what is chosen here
        given.arguments = choose_network(links.network_asked()), asked
        language_switch()
        upload_words(name)
    links.show_around(page=name, network=given.arguments[0])
    say_loss(name)
    notice = st.container()  # what it says is known once the page is drawn
    try:
        page.run()
    except CbamError:
        links.answered()
        raise
    links.answered()
    with notice:
        say_unmet(WORDS)


def parameters_of(name: str) -> links.Readers:
    """Give the readers of a page's own parameters.

    Args:
        name: the page's folder.
    """
    readers: links.Readers = import_module(f"app.{name}.link").PARAMETERS
    return readers


def _draw(name: str, given: _Given) -> None:
    import_module(f"app.{name}.page").page(*given.arguments or ())
