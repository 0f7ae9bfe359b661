"""``cbam app``: the one door from the library to the web app."""

import sys

import pytest

from cbam_core.cli import main
from cbam_core.places import image_folder


@pytest.fixture
def served(monkeypatch):
    import app.server.launch

    calls = []
    monkeypatch.setattr(app.server.launch, "serve", lambda *places, **options: calls.append((places, options)))
    return calls


def test_it_listens_to_this_machine_alone_by_default(served):
    assert main(["app"]) == 0
    assert served == [(("127.0.0.1", 8501), {"server_address": None, "base_path": None, "embed_from": None})]


def test_every_option_reaches_the_server(served):
    words = "app --host 0.0.0.0 --port 0 --server-address lens.example.org --base-path lens"
    sites = "--embed-from https://a.example --embed-from https://b.example"
    assert main([*words.split(), *sites.split()]) == 0
    assert served == [
        (
            ("0.0.0.0", 0),
            {
                "server_address": "lens.example.org",
                "base_path": "lens",
                "embed_from": ["https://a.example", "https://b.example"],
            },
        )
    ]


def test_without_streamlit_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "app.server.launch", None)
    monkeypatch.delitem(sys.modules, "app.server.launch")
    monkeypatch.setitem(sys.modules, "starlette", None)
    for name in [name for name in sys.modules if name.startswith("starlette.")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["app"]) == 3
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "cbam-lens[app]" in errors


def test_a_port_in_use_is_one_line(capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["app", "--port", str(taken.getsockname()[1])]) == 3
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "in use" in errors


def test_a_folder_of_pictures_is_for_every_visitor(served, monkeypatch, tmp_path):
    monkeypatch.setenv("CBAM_IMAGE_DIR", "elsewhere")
    assert main(["app", "--images", str(tmp_path)]) == 0
    assert image_folder() == tmp_path
    assert len(served) == 1


def test_a_folder_that_is_none_is_noticed_before_the_server_starts(served, tmp_path, capsys):
    assert main(["app", "--images", str(tmp_path / "nowhere")]) == 3
    assert "nowhere" in capsys.readouterr().err
    assert not served
