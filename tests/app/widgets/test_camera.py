"""Whether the browser lets the camera be used at an address."""

import pytest

from app.widgets.camera import insecure_host


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://lens.example.org/", None),
        ("http://localhost:8501/", None),
        ("http://127.0.0.1:8501/", None),
        ("http://[::1]:8501/", None),
        ("http://192.168.1.20:8501/", "192.168.1.20"),
        ("http://lens.example.org/inspect", "lens.example.org"),
        ("http://[bad", None),
        (None, None),
    ],
)
def test_the_camera_needs_https_or_this_machine(url, host):
    assert insecure_host(url) == host
