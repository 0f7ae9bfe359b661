"""What the app uses of Streamlit without a promise is there; a test that fails here names what an upgrade took away."""

import inspect
from types import SimpleNamespace

import pytest
from streamlit import config, runtime
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile, UploadedFileRec
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.testing.v1 import AppTest
from streamlit.web.server import server
from streamlit.web.server.starlette import starlette_routes

from app import streamlit_internals
from app.streamlit_internals import (
    ANSWERS,
    METRICS_PATH,
    UPLOAD_PATH,
    client_file,
    ended_sessions,
    files_in,
    forget_uploaded,
    in_fragment,
    keep_answers,
    media_address,
    notes_of_run,
    this_session,
    uploaded_bytes,
    without_config_files,
)


def test_a_thread_that_makes_a_page_knows_its_session_and_no_other_thread_does():
    def script():
        import streamlit as st

        from app.streamlit_internals import this_session

        st.text(this_session())

    assert AppTest.from_function(script).run().text[0].value
    assert this_session() is None


def test_notes_last_as_long_as_a_thread_makes_pages():
    def script():
        import streamlit as st

        from app.streamlit_internals import notes_of_run

        notes_of_run().setdefault("count", []).append("once")
        st.text(len(notes_of_run()["count"]))

    app = AppTest.from_function(script).run()
    assert [app.text[0].value, app.run().text[0].value] == ["1", "1"]
    assert notes_of_run() is None


@pytest.mark.parametrize(("fragments", "alone"), [(None, False), ([], False), (["one"], True)])
def test_a_part_of_a_page_that_is_drawn_by_itself_is_known(monkeypatch, fragments, alone):
    context = SimpleNamespace(fragment_ids_this_run=fragments)
    monkeypatch.setattr("streamlit.runtime.scriptrunner.get_script_run_ctx", lambda suppress_warning: context)
    assert in_fragment() is alone


def test_outside_of_a_session_no_part_of_a_page_is_drawn():
    assert not in_fragment()


def test_sessions_without_a_connection_lie_where_they_are_looked_for(monkeypatch):
    assert "self._session_mgr = " in inspect.getsource(runtime.Runtime.__init__), "Runtime._session_mgr"
    assert "self._session_storage = " in inspect.getsource(WebsocketSessionManager.__init__), "its _session_storage"
    storage = MemorySessionStorage()
    manager = SimpleNamespace(_session_storage=storage)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(_session_mgr=manager))
    store = ended_sessions()
    assert store is storage._cache, "MemorySessionStorage._cache, with a method expire"
    assert list(store.expire()) == []


def test_a_version_that_keeps_sessions_elsewhere_is_noticed(monkeypatch):
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(_session_mgr=SimpleNamespace()))
    assert ended_sessions() is None


def test_uploaded_files_are_counted_where_streamlit_keeps_them(monkeypatch):
    assert uploaded_bytes() == {}, "no server runs yet"
    manager = MemoryUploadedFileManager("/_stcore/upload_file")
    manager.add_file("session", UploadedFileRec("file", "a.png", "image/png", bytes(123)))
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=manager))
    assert uploaded_bytes() == {"session": {"file": 123}}, "MemoryUploadedFileManager.file_storage, with data"


def test_an_uploaded_file_can_be_let_go_of(monkeypatch):
    manager = MemoryUploadedFileManager("/_stcore/upload_file")
    for name in ("one", "other"):
        manager.add_file("session", UploadedFileRec(name, "a.png", "image/png", b"1"))
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=manager))
    monkeypatch.setattr(streamlit_internals, "this_session", lambda: "session")
    forget_uploaded("one")
    assert uploaded_bytes() == {"session": {"other": 1}}, "MemoryUploadedFileManager.remove_file"


def test_bytes_are_served_under_an_address_below_that_of_the_app(monkeypatch):
    assert media_address(b"1", "image/jpeg", "one") == "", "no server runs yet"
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(media_file_mgr=manager))
    address = media_address(b"1", "image/jpeg", "one")
    assert address.startswith("/media/")
    assert address.endswith(".jpg")
    assert manager._storage.get_file(address.removeprefix("/media/")).content == b"1"


def test_addresses_of_uploads_and_metrics_are_streamlits():
    assert UPLOAD_PATH.search(f"{server.UPLOAD_FILE_ENDPOINT}/session/file").groups() == ("session", "file")
    assert METRICS_PATH.removeprefix("/") == starlette_routes.ROUTE_METRICS.removeprefix("/")


def test_the_client_is_a_page_with_a_head_whose_scripts_know_the_address_that_ours_gives_them():
    page = client_file()
    assert page.read_text(encoding="utf-8").count("<head>") == 1
    scripts = (page.parent / "static" / "js").glob("index.*.js")
    assert any("BACKEND_BASE_URL" in script.read_text(encoding="utf-8") for script in scripts)


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_configuration_files_are_found_by_the_one_function_that_is_replaced(name):
    before = config.get_config_files(name)
    with without_config_files():
        assert config.get_config_files(name) == []
    assert config.get_config_files(name) == before != []
    assert "get_config_files(" in inspect.getsource(config.get_config_options)


def test_nothing_of_streamlit_is_imported_before_it_is_needed():
    source = inspect.getsource(streamlit_internals)
    assert "\nimport streamlit" not in source
    assert "\nfrom streamlit" not in source


@pytest.fixture
def answers_kept(monkeypatch):
    monkeypatch.setattr(ForwardMsgQueue, "clear", inspect.unwrap(ForwardMsgQueue.clear))
    keep_answers()


def queued(*kinds):
    """A queue with a message of each kind, as they wait for the browser."""
    queue = ForwardMsgQueue()
    for kind in kinds:
        message = ForwardMsg()
        getattr(message, kind).SetInParent()
        queue.enqueue(message)
    return queue


def kinds(queue):
    return [message.WhichOneof("type") for message in queue.flush()]


def test_of_the_files_that_an_uploader_holds_those_that_were_removed_are_left_out():
    file = UploadedFile(UploadedFileRec("two", "cat.png", "image/png", b"cat"), None)
    assert files_in([DeletedFile("one"), file]) == [file]
    assert files_in(file) == [file]
    assert files_in(DeletedFile("one")) == files_in(None) == []


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("fragments", [None, ["one"]])
def test_what_a_browser_asked_is_answered_even_if_a_run_begins_first(answers_kept, answer, fragments):
    queue = queued("delta", answer)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=fragments)
    assert kinds(queue).count(answer) == 1


def test_what_was_sent_is_not_sent_again_and_pages_of_the_last_run_are_dropped(answers_kept):
    queue = queued("delta", "new_session", "file_urls_response")
    queue.clear(retain_lifecycle_msgs=True)
    assert kinds(queue) == ["new_session", "file_urls_response"]
    assert queue.is_empty()


def test_keeping_answers_twice_is_keeping_them_once(answers_kept):
    kept = ForwardMsgQueue.clear
    keep_answers()
    assert ForwardMsgQueue.clear is kept
