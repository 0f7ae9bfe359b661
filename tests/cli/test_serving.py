"""``cbam app``: the one door from the library to the web app."""

import gc
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from cbam_core.cli import main
from cbam_core.cli.serving import find_app
from cbam_core.places import image_folder, project_folder


@pytest.fixture
def served(monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())  # the command tells the app's pages by it what it was given
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


def test_no_garbage_is_collected_until_the_server_says_so(monkeypatch):
    import app.server.launch

    enabled = []
    monkeypatch.setattr(app.server.launch, "serve", lambda *_, **__: enabled.append(gc.isenabled()))
    assert main(["app"]) == 0
    assert (enabled, gc.isenabled()) == ([False], True)


@pytest.mark.parametrize("package", ["streamlit", "starlette", "plotly"])
def test_without_a_package_of_the_app_it_says_what_to_install(package, served, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["app"]) == 3
    assert capsys.readouterr().err == (
        f"cbam: the web app needs {package}, which is not installed; run: pip install 'cbam-lens[app]'\n"
    )
    assert not served


def test_another_app_that_is_imported_already_is_refused(served, monkeypatch, tmp_path, capsys):
    other = ModuleType("app")
    other.__spec__ = ModuleSpec("app", None, origin=str(tmp_path / "app.py"))
    monkeypatch.setitem(sys.modules, "app", other)
    assert main(["app"]) == 3
    assert f"Python found {tmp_path / 'app.py'}; install CBAM Lens again" in capsys.readouterr().err
    assert not served


def test_our_app_comes_before_one_in_the_current_folder(monkeypatch, tmp_path):
    (tmp_path / "app.py").write_text("raise SystemExit('the wrong app')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "app"]:
        monkeypatch.delitem(sys.modules, name)
    find_app()
    assert importlib.util.find_spec("app").origin == str(project_folder() / "app" / "__init__.py")


def test_a_port_in_use_is_one_line(capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["app", "--port", str(taken.getsockname()[1])]) == 3
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "in use" in errors


def test_a_folder_of_images_is_for_every_visitor(served, monkeypatch, tmp_path):
    monkeypatch.setenv("CBAM_IMAGE_DIR", "elsewhere")
    assert main(["app", "--images", str(tmp_path)]) == 0
    assert image_folder() == tmp_path
    assert len(served) == 1


def test_the_operator_learns_which_files_of_the_folder_nobody_will_see(served, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("cbam_core.data.folder.MOST", 2)
    assert main(["app", "--images", str(tmp_path)]) == 0
    assert "there are no images in" in capsys.readouterr().err
    for name in ("1.png", "2.png", "3.png", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    assert main(["app", "--images", str(tmp_path)]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "of the 3 images in" in said
    assert "the app shows the first 2; it shows all if they lie in one subfolder for each class" in said
    assert "1 hidden, 1 without the ending of an image" in said
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "4.png").touch()
    assert main(["app", "--images", str(tmp_path)]) == 0
    assert "3 images beside the folders of classes" in " ".join(capsys.readouterr().err.split())
    assert len(served) == 3


def test_a_path_that_is_not_a_folder_is_refused_before_the_server_starts(served, tmp_path, capsys):
    assert main(["app", "--images", str(tmp_path / "nowhere")]) == 3
    assert "nowhere" in capsys.readouterr().err
    assert not served
