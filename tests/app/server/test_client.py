import json
import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.server.client import client_page, client_routes, page_names
from app.server.security import inline_script_digests
from app.session.mark import MARK
from app.shell.router import PAGES


def test_pages_are_called_as_the_files_of_views():
    assert {"inspect", "compare", "model", "training"} <= set(page_names())
    assert "__init__" not in page_names()


def test_the_script_stands_before_streamlits_own_and_is_allowed_by_digest():
    page = client_page()
    assert page.index("BACKEND_BASE_URL") < page.index('<script type="module"')
    assert len(inline_script_digests(page)) == page.count("<script>")


@pytest.mark.parametrize("base_path", ["", "tools/lens"])
def test_each_page_is_answered_with_the_client_page(base_path):
    client = TestClient(Starlette(routes=client_routes("<html>ours</html>", base_path)))
    before = f"/{base_path}" if base_path else ""
    for name in {"", *page_names()} - {"inspect"}:
        answer = client.get(f"{before}/{name}")
        assert (answer.status_code, answer.text) == (200, "<html>ours</html>")
        assert answer.headers["cache-control"] == "no-cache"
    assert client.get(f"{before}/other.png").status_code == 404


@pytest.mark.parametrize(("base_path", "query"), [("", ""), ("", "?image=sample-3"), ("lens", "?image=sample-3")])
def test_the_first_pages_name_leads_to_the_apps_own_address(base_path, query):
    client = TestClient(Starlette(routes=client_routes("<html>ours</html>", base_path)), follow_redirects=False)
    answer = client.get(f"/{base_path}/inspect{query}".replace("//", "/"))
    assert answer.status_code == 307
    assert answer.headers["location"] == f"./{query}"


@pytest.mark.parametrize("base_path", ["", "lens"])
def test_a_page_that_there_is_not_leads_to_the_first_one_which_is_given_its_name(base_path):
    client = TestClient(Starlette(routes=client_routes("<html>ours</html>", base_path)), follow_redirects=False)
    for path, location in (("nought", "./?page=nought"), ("Inspect?image=sample-3", "./?page=Inspect&image=sample-3")):
        answer = client.get(f"/{base_path}/{path}".replace("//", "/"))
        assert (answer.status_code, answer.headers["location"]) == (307, location)


def test_the_root_leads_to_the_app_below_its_path():
    client = TestClient(Starlette(routes=client_routes("<html>ours</html>", "tools/lens")))
    answer = client.get("/?lang=en")
    assert (answer.status_code, answer.text) == (200, "<html>ours</html>")
    assert answer.url.path == "/tools/lens/"
    assert answer.url.query == b"lang=en"
    assert client.get("/inspect").status_code == 404


@pytest.mark.parametrize("path", ["_stcore", "favicon.png", "a/b", "%0d%0ax", "-", "x" * 61])
def test_what_is_no_name_of_a_page_is_left_to_streamlit(path):
    client = TestClient(Starlette(routes=client_routes("<html>ours</html>")), follow_redirects=False)
    assert client.get(f"/{path}").status_code == 404


def test_the_script_knows_every_page_and_the_mark_that_links_look_for():
    given = re.search(r"const pages = (\[.*?\]);const first = (\".*?\");const mark = (\".*?\");", client_page())
    assert json.loads(given[1]) == page_names()
    assert json.loads(given[2]) == next(iter(PAGES))
    assert json.loads(given[3]) == MARK
