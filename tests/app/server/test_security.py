import base64
import hashlib
import logging

import pytest

from app.server.security import (
    KnownNames,
    MetricsDoor,
    SameOriginConnections,
    SecurityHeaders,
    inline_script_digests,
    security_headers,
)


def run(application, scope, incoming=()):
    """Everything that an ASGI application sends for one connection."""
    sent = []
    pending = list(incoming)

    async def receive():
        return pending.pop(0)

    async def send(message):
        sent.append(message)

    finish(application(scope, receive, send))
    return sent


def finish(coroutine):
    # By hand, since the browser tests of the same run leave an event loop running in this thread.
    with pytest.raises(StopIteration):
        coroutine.send(None)


def websocket(origin=None, host="127.0.0.1:8501"):
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return {"type": "websocket", "headers": headers}


async def accept(scope, receive, send):
    await send({"type": "websocket.accept"})


def directives(policy):
    return {name: sources for name, *sources in (part.split() for part in policy.split("; "))}


def test_headers_are_added_and_chunks_pass_one_by_one_as_they_come():
    order = []

    async def stream(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-mine", b"1")]})
        for chunk in (b"one", b"two"):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            order.append(("made", chunk))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def send(message):
        order.append((message["type"], message.get("body", message.get("headers"))))

    application = SecurityHeaders(stream, {"X-Content-Type-Options": "nosniff"})
    finish(application({"type": "http"}, None, send))
    assert order == [
        ("http.response.start", [(b"x-mine", b"1"), (b"x-content-type-options", b"nosniff")]),
        ("http.response.body", b"one"),
        ("made", b"one"),
        ("http.response.body", b"two"),
        ("made", b"two"),
        ("http.response.body", b""),
    ]


def test_a_header_that_the_application_set_is_kept():
    async def strict(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"DENY")]})

    (start,) = run(SecurityHeaders(strict, {"X-Frame-Options": "SAMEORIGIN"}), {"type": "http"})
    assert start["headers"] == [(b"x-frame-options", b"DENY")]


def test_websockets_and_the_lifespan_are_left_alone():
    application = SecurityHeaders(accept, security_headers())
    assert run(application, websocket()) == [{"type": "websocket.accept"}]
    assert run(SameOriginConnections(accept), {"type": "lifespan"}) == [{"type": "websocket.accept"}]


def test_the_policy_allows_what_the_app_needs_and_no_more():
    policy = directives(security_headers(script_digests=["'sha256-abc='"])["Content-Security-Policy"])
    assert policy["script-src"] == ["'self'", "blob:", "'wasm-unsafe-eval'", "'sha256-abc='"]
    assert policy["connect-src"] == ["'self'", "data:"]
    assert policy["object-src"] == ["'none'"]
    assert policy["base-uri"] == ["'self'"]
    assert policy["default-src"] == ["'self'"]
    assert not any("*" in source or source == "'unsafe-eval'" for sources in policy.values() for source in sources)


def test_the_camera_is_for_this_site_only():
    assert "camera=(self)" in security_headers()["Permissions-Policy"]


def test_framing_by_other_sites_is_a_choice():
    own = security_headers()
    assert directives(own["Content-Security-Policy"])["frame-ancestors"] == ["'self'"]
    assert own["X-Frame-Options"] == "SAMEORIGIN"
    embedded = security_headers(["https://course.example.org"])
    assert directives(embedded["Content-Security-Policy"])["frame-ancestors"] == [
        "'self'",
        "https://course.example.org",
    ]
    assert "X-Frame-Options" not in embedded


def test_inline_scripts_are_allowed_by_their_digest_and_files_need_none():
    page = '<script src="a.js"></script><SCRIPT type="module">\n let a = 1 </SCRIPT>'
    digest = base64.b64encode(hashlib.sha256(b"\n let a = 1 ").digest()).decode()
    assert inline_script_digests(page) == [f"'sha256-{digest}'"]


@pytest.mark.parametrize(
    ("origin", "host", "server_address"),
    [
        (None, "127.0.0.1:8501", ""),
        ("http://127.0.0.1:8501", "127.0.0.1:8501", ""),
        ("https://lens.example.org", "lens.example.org", ""),
        ("https://Lens.example.org", "lens.example.org", ""),
        ("https://lens.example.org", "127.0.0.1:8501", "Lens.example.org"),
        ("https://lens.example.org:8443", "127.0.0.1:8501", "lens.example.org"),
    ],
)
def test_pages_of_this_site_may_connect(origin, host, server_address):
    guard = SameOriginConnections(accept, server_address)
    assert run(guard, websocket(origin, host)) == [{"type": "websocket.accept"}]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1:9999", "http://localhost:8501", "null", "", "http://[bad"],
)
def test_pages_of_other_sites_may_not(origin):
    answers = run(SameOriginConnections(accept, "lens.example.org"), websocket(origin))
    assert answers == [{"type": "websocket.close", "code": 1008}]


def test_an_empty_host_matches_no_origin():
    assert run(SameOriginConnections(accept), websocket("null", ""))[0]["type"] == "websocket.close"


def test_refusals_are_logged_once_each_and_cannot_fill_the_log(caplog):
    guard = SameOriginConnections(accept)
    with caplog.at_level(logging.WARNING):
        for number in range(100):
            run(guard, websocket(f"https://{number}.example"))
            run(guard, websocket("https://0.example\nforged line" + "x" * 9000))
    assert len(caplog.records) == 20
    assert sum("forged" in record.getMessage() for record in caplog.records) == 1
    assert all("\n" not in record.getMessage() for record in caplog.records)
    assert max(len(record.getMessage()) for record in caplog.records) < 400


def asks(kind="http", host="lens.example", accept="text/html,*/*", language="en"):
    headers = {"host": host, "accept": accept, "accept-language": language}
    return {"type": kind, "path": "/", "headers": [(k.encode(), v.encode()) for k, v in headers.items() if v]}


NAMES = ("127.0.0.1", "localhost", "::1")


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost", "LOCALHOST:80", "[::1]:8501"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_names_of_the_server_are_answered(kind, host):
    assert run(KnownNames(accept, NAMES), asks(kind, host)) == [{"type": "websocket.accept"}]


def test_a_page_asked_for_under_another_name_is_one_sentence_in_the_visitors_language(caplog):
    guard = KnownNames(accept, NAMES)
    with caplog.at_level(logging.WARNING):
        start, body = run(guard, asks(host="lens.example:8501"))
        chinese = run(guard, asks(host="lens.example:8501", language="zh-CN,zh"))[1]
    assert start["status"] == 421
    assert dict(start["headers"])[b"content-type"].startswith(b"text/plain")
    assert body["body"].decode() == (
        "This server does not answer under the name lens.example; the operator can enable it with "
        "--server-address lens.example."
    )
    assert "lens.example" in chinese["body"].decode()
    assert chinese["body"] != body["body"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("host", ["", "evil.example", "[bad", "a b", "x" * 5000])
def test_a_connection_under_another_name_is_refused_and_a_page_stays_short(host):
    assert run(KnownNames(accept, NAMES), asks("websocket", host)) == [{"type": "websocket.close", "code": 1008}]
    assert len(run(KnownNames(accept, NAMES), asks(host=host))[1]["body"]) < 700


def test_what_is_no_page_is_answered_under_any_name_and_so_is_all_where_every_name_will_do():
    assert run(KnownNames(accept, NAMES), asks(accept="*/*")) == [{"type": "websocket.accept"}]
    for kind in ("http", "websocket", "lifespan"):
        assert run(KnownNames(accept, ()), asks(kind)) == [{"type": "websocket.accept"}]


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/lens/_stcore/metrics", "/_stcore/metrics/"])
def test_numbers_about_visitors_are_for_nobody(path):
    answers = run(MetricsDoor(accept), {"type": "http", "path": path})
    assert answers[0]["status"] == 404
    assert run(MetricsDoor(accept), {"type": "http", "path": "/_stcore/health"}) == [{"type": "websocket.accept"}]
    assert run(MetricsDoor(accept), websocket()) == [{"type": "websocket.accept"}]
