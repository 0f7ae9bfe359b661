"""The attention viewer: one JavaScript module and one style sheet for any host page.

A host (the app, a notebook, an HTML file) puts `styles` and `source` on its page and calls
``mount(root, payload, emit)`` with the payload's `as_dict`. The viewer makes no network requests.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from importlib.resources import files

from cbam_core.render.colours import FLAT, MISSING, TABLES, THROUGH
from cbam_core.render.diverging import DIVERGING
from cbam_core.render.features import FEATURES
from cbam_core.viewer.payload import Payload, Picture, Settings, ViewedBlock, lay_out
from cbam_core.viewer.words import WORDS

__all__ = [
    "WORDS",
    "Payload",
    "Picture",
    "Settings",
    "ViewedBlock",
    "lay_out",
    "source",
    "standalone_html",
    "styles",
]

PARTS = (
    "compose.js",
    "reading.js",
    "bars.js",
    "trace.js",
    "crosshair.js",
    "panel.js",
    "toolbar.js",
    "origin_figure.js",
    "origin.js",
    "viewer.js",
)
"""The module's files in the order in which they are joined."""

SHEETS = ("viewer.css", "trace.css", "origin.css")
"""Files of the style sheet in the order in which they are joined."""


@cache
def source() -> str:
    """Return the viewer as one ES module that exports `mount`, without imports, network requests or eval."""
    constants = {
        "COLOUR_TABLES": {name: table.tobytes().hex() for name, table in TABLES.items()},
        "DIVERGING_TABLE": DIVERGING.tobytes().hex(),
        "FEATURE_COLOURS": FEATURES,
        "FLAT": FLAT,
        "THROUGH": THROUGH,
        "MISSING": MISSING,
    }
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    return head + "\n".join(_read(part) for part in PARTS)


@cache
def styles() -> str:
    """Return the style sheet of the viewer."""
    return "\n".join(_read(part) for part in SHEETS)


def standalone_html(payload: Payload, title: str | None = None) -> str:
    """Make an HTML page of the viewer that works offline, from a file, with a strict Content-Security-Policy.

    Args:
        payload: input of the viewer.
        title: title of the page; by default the name of the viewer.
    """
    values = payload.as_dict()
    script = (
        source() + '\nconst payload = JSON.parse(document.getElementById("payload").textContent);'
        '\nmount(document.getElementById("viewer"), payload, (name, detail) =>'
        '\n  document.dispatchEvent(new CustomEvent("cbam-" + name, { detail })));\n'
    )
    style = styles() + _read("page.css")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(values).replace("<", "\\u003c")  # a name must not end the script element
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title or values['words']['viewer'])}</title>\n"
        f"<style>{style}</style>\n</head>\n<body>\n"
        '<main id="viewer"></main>\n'
        f'<script type="application/json" id="payload">{data}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _read(name: str) -> str:
    return files("cbam_core.viewer").joinpath(name).read_text(encoding="utf-8")
