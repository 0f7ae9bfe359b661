"""Streamlit's client page as it is sent for each of our pages, with scripts of ours before its own.

Streamlit's client does not know whether ``/model`` is a page of an app at ``/`` or an app published at ``/model``. It
asks both for their health, the wrong one first, and the browser logs two 404s; to answer these would make it take the
page's address for the app's. A page that there is not leads to the first one, which says so: Streamlit would say it
in English, in a window over the page. The names of our pages are known, so an inline script says how far the app's
address goes, which works too where a proxy takes a path away before it asks us. The same script marks addresses that
a visitor goes back or forth to, which it has to hear of before Streamlit does, keeps a page and its parameters one
place in the history, folds the sidebar of a narrow window once a page was chosen in it, shows why an upload was
refused, and hands the keyboard's focus on from buttons that are taken away. A bare ``streamlit run`` lacks all that.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Final

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.server.upload_limits import REFUSED
from app.streamlit_internals import client_file


class _PageName(Convertor[str]):
    """What could be the name of a page, and is no file and nothing of Streamlit's."""

    regex = "[A-Za-z0-9][A-Za-z0-9-]{0,59}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page_name", _PageName())

ASKED_PAGE: Final = "page"
"""Query parameter that names a page which there is not."""

FIRST: Final = "inspect"
"""The page that stands at the app's own address; Streamlit knows it by no other."""

PAGES: Final = Path(__file__).resolve().parents[1]

_SCRIPTS: Final = Path(__file__).with_name("scripts")


def page_names() -> list[str]:
    """Last part of each page's address: the name of the folder that holds the page."""
    return sorted(file.parent.name for file in PAGES.glob("*/page.py"))


def client_page() -> str:
    """The installed Streamlit's page with our scripts before its own; each has its names to itself."""
    from app.session.mark import MARK

    page = client_file().read_text(encoding="utf-8")
    names = {"pages": page_names(), "first": FIRST, "mark": MARK, "refused": REFUSED}
    given = "".join(f"const {name} = {json.dumps(value)};" for name, value in names.items())
    scripts = "\n".join(f"{{\n{file.read_text(encoding='utf-8')}}}" for file in sorted(_SCRIPTS.glob("*.js")))
    script = f"<script>{{ {given}\n{scripts}\n}}</script>"
    return page.replace("<head>", f"<head>\n    {script}", 1)


def client_routes(page: str, base_path: str = "") -> list[Route]:
    """A route for each page's address, and one that leads from the root to the app where that lies below a path.

    Args:
        page: what `client_page` gave.
        base_path: path below which a proxy publishes the app, without slashes around it; empty for the root.
    """

    async def answer(_: Request) -> HTMLResponse:
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    before = f"/{base_path}" if base_path else ""
    first = Route(f"{before}/{FIRST}", _go_to_first)
    others = (name for name in page_names() if name != FIRST)
    unknown = Route(f"{before}/{{name:page_name}}", _go_to_first)
    above = [Route("/", partial(_go_to, f"./{base_path}/"))] if base_path else []
    return [*above, first, *(Route(f"{before}/{name}", answer) for name in ("", *others)), unknown]


async def _go_to_first(request: Request) -> Response:
    """Lead to the first page; of one that there is not, its name is passed on."""
    name = request.path_params.get("name")
    return await _go_to("./", request, f"{ASKED_PAGE}={name}" if name else "")


async def _go_to(place: str, request: Request, asked: str = "") -> Response:
    """Lead to another place, relative to the one that was asked for; the query is passed on.

    Args:
        place: where to.
        request: what was asked for.
        asked: what the query says besides.
    """
    query = "&".join(part for part in (asked, request.url.query) if part)
    return Response(status_code=307, headers={"Location": f"{place}?{query}" if query else place})
