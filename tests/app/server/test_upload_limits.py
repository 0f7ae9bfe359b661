"""How much visitors may upload: one file, one visitor, all of them; over the wire against a real server, too."""

import asyncio

from app.server.upload_limits import Limits, UploadLimits, limits_of_environment
from benchmarks.apparatus.visitor import visiting
from tests.running_app import running

MB = 1024 * 1024
PAGE = """
import streamlit as st
for file in st.file_uploader("Files", accept_multiple_files=True, key="files"):
    st.markdown(f"{file.name} has {file.size}")
"""


class Asked:
    """An application that notes who came through, and what of the body it was given."""

    def __init__(self):
        self.paths = []

    async def __call__(self, scope, receive, send):
        self.paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})


def put(limits, held, path="/_stcore/upload_file/mine/new", size=1, *, method="PUT", inside=None):
    """Status and text of the answer to one upload."""
    inside = inside or Asked()
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [] if size is None else [(b"content-length", str(size).encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(UploadLimits(inside, limits, lambda: held)(scope, receive, send))
    return sent[0]["status"], sent[-1].get("body", b"").decode()


def test_between_parts_of_bodies_that_arrive_together_the_server_does_other_things():
    visitors, parts = 5, 4

    async def read_all(scope, receive, send):
        while (await receive())["more_body"]:
            pass

    async def crowd():
        limits = UploadLimits(read_all, Limits(), dict)
        left, done, turns = [parts] * visitors, [], 0

        async def visit(number):
            async def receive():
                left[number] -= 1
                return {"type": "http.request", "body": b"", "more_body": left[number] > 0}

            path = f"/_stcore/upload_file/{number}/file"
            scope = {"type": "http", "method": "PUT", "path": path, "headers": [(b"content-length", b"1")]}
            await limits(scope, receive, None)
            done.append(number)

        coming = [asyncio.ensure_future(visit(number)) for number in range(visitors)]
        while len(done) < visitors:
            turns += 1
            await asyncio.sleep(0)
        await asyncio.gather(*coming)
        return turns

    assert asyncio.run(crowd()) >= visitors * parts


def test_what_there_is_room_for_goes_through():
    assert put(Limits(2, 10, 20), {"mine": {"a": 5}, "yours": {"b": 9}}, size=5) == (204, "")


def test_too_many_files_are_refused_with_the_number_and_the_way_out():
    status, said = put(Limits(2, 10, 20), {"mine": {"a": 1, "b": 1}})
    assert status == 413
    assert said.startswith("2 of your files are already on the server")
    assert "reload the page" in said


def test_too_many_bytes_of_one_visitor_are_refused():
    status, said = put(Limits(9, 3 * MB, 20 * MB), {"mine": {"a": 2 * MB}}, size=2 * MB)
    assert status == 413
    assert "more than 3 MB on the server, the limit for one visitor" in said


def test_another_visitors_files_do_not_count_as_mine():
    assert put(Limits(1, 10, 100), {"yours": {"a": 10}}, size=10)[0] == 204


def test_a_full_server_says_when_to_come_back():
    status, said = put(Limits(9, 10, 20), {"yours": {"a": 10}, "theirs": {"b": 9}}, size=2)
    assert status == 503
    assert "try again in a few minutes" in said


def test_a_file_that_is_sent_again_replaces_the_first():
    assert put(Limits(1, 10, 20), {"mine": {"new": 10}}, size=10)[0] == 204


def test_a_file_that_is_too_large_is_refused_in_one_sentence():
    status, said = put(Limits(), {}, size=258 * MB)
    assert status == 413
    assert "larger than 256 MB, the limit for one file" in said


def test_a_body_that_does_not_tell_its_size_counts_as_the_largest():
    assert put(Limits(9, 256 * MB, 999 * MB), {}, size=None)[0] == 413
    assert put(Limits(9, 257 * MB, 999 * MB), {}, size=None)[0] == 204


def test_only_uploads_are_looked_at():
    full = Limits(0, 0, 0)
    assert put(full, {}, method="DELETE")[0] == 204
    assert put(full, {}, path="/media/a")[0] == 204
    assert put(full, {}, path="/lens/_stcore/upload_file/mine/new")[0] == 413


def test_uploads_on_their_way_count_and_stop_counting_when_they_end():
    held, answers = {}, []
    limits = UploadLimits(None, Limits(1, 10, 10), lambda: held)

    async def second(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def first(scope, receive, send):
        limits.app = second
        await limits({**scope, "path": "/_stcore/upload_file/mine/b"}, receive, send)
        await send({"type": "http.response.start", "status": 500, "headers": []})

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        if "status" in message:
            answers.append(message["status"])

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/_stcore/upload_file/mine/a",
        "headers": [(b"content-length", b"1")],
    }
    for inside in (first, second):
        limits.app = inside
        asyncio.run(limits(scope, receive, send))
    assert answers == [413, 500, 204]


def test_the_operator_decides_about_all_visitors_together(monkeypatch):
    assert limits_of_environment() == Limits()
    monkeypatch.setenv("CBAM_UPLOADS_MEGABYTES", "64")
    assert limits_of_environment().bytes_together == 64 * MB
    monkeypatch.setenv("CBAM_UPLOADS_MEGABYTES", "lots")
    assert limits_of_environment() == Limits()


def test_a_real_server_refuses_what_is_too_much_writes_nothing_and_keeps_serving(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    watch = f"""
import sys
from app.server import options, upload_limits
options.SAFE_OPTIONS["server.maxUploadSize"] = upload_limits.MAX_UPLOAD_MEGABYTES = 10
upload_limits._MOST_OF_ONE = 11 * 1024 * 1024
def note(event, values):
    if event == "open" and str(values[0]).startswith({str(folder)!r}):
        print("opened", values[0], flush=True)
sys.addaudithook(note)
"""
    environment = {"CBAM_UPLOADS_MEGABYTES": "19", "TMPDIR": str(folder)}
    with running(tmp_path, PAGE, before=watch, environment=environment) as server:
        address = f"http://{server.host}"
        with visiting(address) as one, visiting(address) as two:
            one.open()
            one.upload("files", {"a.png": bytes(8 * MB)})
            assert one.page.texts == [f"a.png has {8 * MB}"]
            status, said = one.put("large.png", bytes(12 * MB))
            assert (status, "larger than 10 MB" in said) == (413, True)
            two.open()
            assert two.put("b.png", bytes(9 * MB))[0] == 204
            status, said = two.put("c.png", bytes(3 * MB))
            assert (status, "try again in a few minutes" in said) == (503, True)
            one.upload("files", {"small.png": b"1234"})
            assert one.page.texts == ["small.png has 4"]
        server.process.terminate()
        rest = server.process.stdout.read()
    assert not [line for line in [*server.lines, *rest.splitlines()] if line.startswith("opened")]


def test_nobody_can_fill_the_server_with_small_files(tmp_path):
    with running(tmp_path, PAGE) as server, visiting(f"http://{server.host}") as one:
        one.open()
        answers = [one.put("a.png", b"1", file=str(number))[0] for number in range(103)]
        assert answers == [204] * 100 + [413] * 3
        assert one.put("a.png", b"1", session="somebody-else")[0] == 400
