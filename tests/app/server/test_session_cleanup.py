"""Visits that ended are forgotten on time, on a quiet server too."""

import asyncio
import logging
import time
import weakref
from contextlib import suppress

from app.server import session_cleanup
from benchmarks.apparatus.visitor import visiting
from tests.running_app import running

PAGE = """
import streamlit as st
from streamlit import runtime
st.file_uploader("Files", accept_multiple_files=True, key="files")
"""
QUICK = """
import app.server.launch, app.server.options, app.server.session_cleanup
app.server.options.SAFE_OPTIONS["server.disconnectedSessionTTL"] = 1
app.server.launch.look_after_visits = lambda: app.server.session_cleanup.look_after_visits(0.5)
import threading
def tell():
    from streamlit import runtime
    had = False
    while True:
        threading.Event().wait(0.1)
        if runtime.exists():
            kept = sum(map(len, runtime.get_instance().uploaded_file_mgr.file_storage.values())) > 0
            if kept != had:
                print("files kept" if kept else "files forgotten", flush=True)
            had = kept
threading.Thread(target=tell, daemon=True).start()
"""


def test_uploads_are_forgotten_although_nobody_else_comes(tmp_path):
    with running(tmp_path, PAGE, before=QUICK) as server:
        with visiting(f"http://{server.host}") as one:
            one.open()
            assert one.put("a.png", bytes(1000))[0] == 204
            assert server.process.stdout.readline() == "files kept\n"
        left = time.monotonic()
        assert server.process.stdout.readline() == "files forgotten\n"
        assert time.monotonic() - left < 100  # Streamlit's own time is 120 seconds
        assert server.log == ""


def test_a_connection_that_comes_back_in_time_finds_its_visit(tmp_path):
    quick = QUICK.replace('TTL"] = 1', 'TTL"] = 60')
    with running(tmp_path, PAGE, before=quick) as server:
        with visiting(f"http://{server.host}") as one:
            one.open()
            session = one.page.session
            assert one.put("a.png", bytes(1000))[0] == 204
        time.sleep(1.5)
        with visiting(f"http://{server.host}", session) as again:
            again.open()
            assert again.page.session == session


def test_an_unknown_version_of_streamlit_is_told_to_the_operator(monkeypatch, caplog):
    monkeypatch.setattr(session_cleanup, "ended_sessions", lambda: None)
    looking = session_cleanup.look_after_visits(0)
    with caplog.at_level(logging.WARNING):
        looking.send(None)  # by hand: browser tests leave an event loop running in this thread
    looking.close()
    assert "keeps ended sessions elsewhere" in caplog.text


def test_one_visit_that_cannot_be_dropped_keeps_none_of_the_others(monkeypatch, caplog):
    dropped = []

    class Kept:
        def __init__(self, name):
            self.session, self.name = self, name

        def shutdown(self):
            if self.name == "broken":
                raise RuntimeError("no way")
            dropped.append(self.name)

    class Store:
        def expire(self):
            return [] if dropped else [("1", Kept("broken")), ("2", Kept("other"))]

    async def until_one_is_dropped():
        looking = asyncio.ensure_future(session_cleanup.look_after_visits(0.01))
        while not dropped and not looking.done():
            await asyncio.sleep(0.01)
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    monkeypatch.setattr(session_cleanup, "ended_sessions", Store)
    asyncio.run(until_one_is_dropped())
    assert dropped == ["other"]
    assert "could not be dropped" in caplog.text


def test_rubbish_is_collected_although_no_visit_ended():
    class Knot:
        def __init__(self):
            self.own = self

    knot = weakref.ref(Knot())
    session_cleanup._collect(trim=False)
    assert knot() is None
