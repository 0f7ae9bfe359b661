import json
import re
from pathlib import Path

import numpy as np
import pytest

import cbam_core.viewer
from cbam_core.render.colours import TABLES
from cbam_core.results.frame import Frame
from cbam_core.results.usual import HABIT_WORDS
from cbam_core.viewer import WORDS, ViewedBlock, lay_out, source, standalone_html, styles
from tests.plain_blocks import block_of

FRAME = Frame((8, 8), (8, 8), (0.0, 0.0, 8.0, 8.0))


def page(**names):
    payload = lay_out(np.zeros((8, 8, 3), np.uint8), FRAME, [])
    blocks = tuple(ViewedBlock(block_of(name, {})) for name in names.values())
    return standalone_html(type(payload)(payload.pictures, blocks))


def code():
    """The module without comments."""
    return re.sub(r"^\s*//[^\n]*| // [^\n]*|/\*\*.*?\*/", "", source(), flags=re.MULTILINE | re.DOTALL)


def test_source_is_one_module_with_one_export():
    assert re.findall(r"^export .*", source(), re.MULTILINE) == [
        "export function mount(root, payload, emit = () => {}) {"
    ]


@pytest.mark.parametrize(
    "word",
    ["import", "fetch", "XMLHttpRequest", "WebSocket", "eval", "Function", "innerHTML", "localStorage"],
)
def test_source_loads_sends_and_evaluates_nothing(word):
    assert not re.search(rf"\b{word}\b", code())


def test_source_carries_the_same_colour_tables():
    sent = json.loads(re.search(r"^const COLOUR_TABLES = (.*);$", source(), re.MULTILINE)[1])
    assert sent == {name: table.tobytes().hex() for name, table in TABLES.items()}
    assert list(sent) == [name for name in WORDS if name in TABLES]  # the viewer's list of choices, and what it says


def test_styles_load_nothing():
    assert "url(" not in styles()
    assert "@import" not in styles()


def test_every_word_that_the_viewer_asks_for_exists_and_every_word_is_used():
    asked = set(re.findall(r"\bwords\.(\w+)", code()))
    chosen = set(TABLES) | {"unit", "stretch", "cells", "smooth", "cells_hint", "smooth_hint"}
    chosen |= {"input", "original", "index", "sorted", "unusual"}  # looked up by the value of a setting
    chosen |= {"values", "relative", "usual", "values_hint", "relative_hint", "usual_hint"}
    chosen |= {
        *HABIT_WORDS,
        "cifar10:train",
        "cifar10:test",
        "cifar10:samples",
        "operator:folder",
    }  # by what the payload says
    chosen |= {"flat", "flat_hint", "through", "through_hint"}  # by how even a gate is
    chosen |= {"trace_before", "trace_after"}
    chosen |= {f"place_{status}{end}" for status in ("approximate", "unknown") for end in ("", "_hint")}
    steps = ("average", "maximum", "values", "how", "spread", "moved")
    chosen |= {f"origin_{step}_{kind}" for step in steps for kind in ("channel", "spatial")}
    chosen |= {"origin_channel", "origin_spatial", "origin_sum", "origin_given"}
    chosen |= {"origin_nothing_average", "origin_nothing_maximum"}
    assert asked | chosen == set(WORDS)


def test_no_words_are_written_in_the_source():
    texts = re.findall(r'"([^"\n]*)"', code())
    classes = set(re.findall(r'make\("\w+", "([^"]*)"', code()))
    phrases = {text for text in texts if re.search(r"[A-Za-z]{2,} [a-z]{2,}", text)}
    assert phrases - classes == set()


def test_page_forbids_everything_but_its_own_script_and_style():
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page())[1]
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; "
        r"base-uri 'none'; form-action 'none'",
        policy,
    )


def test_a_name_cannot_break_out_of_the_page():
    text = page(evil="</script><script>alert(1)</script>")
    assert "<script>alert" not in text
    assert text.count("</script>") == 2


def test_title_is_escaped():
    payload = lay_out(np.zeros((8, 8, 3), np.uint8), FRAME, [])
    assert "<title>a &lt;b&gt;</title>" in standalone_html(payload, title="a <b>")


def test_parts_are_all_files_of_the_room():
    folder = Path(cbam_core.viewer.__file__).parent
    assert {path.name for path in folder.glob("*.js")} == set(cbam_core.viewer.PARTS)
