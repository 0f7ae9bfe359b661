"""The page of a report: what stands on it without a script, what it may load, and what names can do to it."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cbam_core.errors import Message
from cbam_core.report import Entry, Report, gallery_html, output_html, report_html
from cbam_core.report.page import _script
from cbam_core.viewer import styles
from tests.plain_explanations import explained
from tests.report.reading import read

HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=https://evil.example onerror=alert(1)>',
    "'-->]]><svg onload=alert(1)>&lt;b&gt;",
    "</style></title></iframe><base href=//evil.example>",
    '" style="position:fixed" class="frame" data-replaced="',
)
DATE = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)


def hostile(one, text):
    """The same explanation, in which everything that has a name is called so."""
    blocks = tuple(
        replace(block, name=text, gates=tuple(replace(gate, name=text) for gate in block.gates)) for block in one.blocks
    )
    note = Message("note", "{what}", {"what": text})
    return replace(one, classes=(text, "dog", text + "2"), checkpoint=text, blocks=blocks, notes=(note,))


def pages(text):
    one = hostile(explained(), text)
    entries = (Entry(one, text, text), Entry(one, text, text + "2"))
    facts = {"title": text, "card": ((text, text),), "versions": {text: text}, "words": {"search": text}}
    yield report_html(Report(entries, **facts))
    yield report_html(Report(entries[:1], **facts))
    for output in (output_html(one), gallery_html([one, one], [text, text])):
        yield output
        (frame,) = read(output).attributes("iframe")
        yield frame["srcdoc"]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_stay_text(text):
    for page in pages(text):
        reader = read(page)
        assert text in reader.words or "iframe" in dict(reader.elements) or text in reader.data
        for tag, attributes in reader.elements:
            assert tag not in {"base", "link", "object", "embed", "form"}
            assert not any(name.startswith("on") for name in attributes)
            assert attributes.get("src", "data:image/").startswith("data:image/")
            assert attributes.get("href", "#").startswith("#")
        if page.startswith("<!doctype"):
            assert [found.get("type") for found in reader.attributes("script")] == ["application/json", "module"]
            assert json.loads(reader.data)["entries"]
        else:
            assert reader.attributes("script") == reader.attributes("style") == []
            assert len(reader.attributes("iframe")) == 1
            assert "position:fixed" not in "".join(found.get("style") or "" for _, found in reader.elements)


def test_the_policy_allows_the_pages_own_script_and_style_and_pictures_in_it():
    page = report_html(Report((Entry(explained()),)))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; img-src data:; "
        r"base-uri 'none'; form-action 'none'",
        policy,
    )
    assert not any("style" in attributes for _, attributes in read(page).elements)


def test_the_script_asks_for_nothing_and_writes_no_html():
    code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", _script())
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|import|eval|innerHTML|insertAdjacentHTML|write)\b", code)
    assert "url(" not in styles()


def test_no_address_of_another_site_is_in_a_page():
    page = report_html(Report((Entry(explained(), "a.png", "cat"),) * 2))
    assert set(re.findall(r"https?://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}  # the name of a language


def test_no_line_ends_before_a_percent_sign():
    note = Message("note", "it is {share} % grey", {"share": 7})
    page = report_html(Report((Entry(replace(explained(), notes=(note,)), "frog.png", "cat"),)))
    assert {"70.0\xa0%", "7\xa0%"} <= set(re.findall(r"[\d.]+\s%", page))
    assert not re.findall(r"[\d}] %(?!\w)", re.sub(r"<(style|script)>[\s\S]*?</\1>", "", page))


def test_one_image_has_prediction_blocks_and_facts_without_a_script():
    note = Message("note", "it was {grey}", {"grey": "grey"})
    one = replace(explained(), notes=(note,))
    report = Report((Entry(one, "frog.png", "cat"),), date=DATE, versions={"torch": "2.9"}, card=(("Network", "mine"),))
    words = read(report_html(report)).words
    assert "frog.png · net" in words
    assert "2026-05-04 12:30 UTC" in words
    assert "frog 70.0 %" in words
    assert "true class: cat, 20.0 % · wrong" in words
    assert "centre square from 160×120 pixels" in words
    assert "it was grey" in words
    low, high = one.blocks[0].spatial_mask.min(), one.blocks[0].spatial_mask.max()
    assert f"{low:.2f} to {high:.2f} 8×8 cells" in words
    assert "torch 2.9" in words
    assert "mine" in words
    assert "Numbers of gates are exact" in words


def test_many_images_are_listed_mistakes_first_and_counted():
    right, wrong = Entry(explained(), "a.png", "frog"), Entry(explained(seed=1), "b.png", "dog")
    sure = replace(explained(seed=2), probabilities=explained().probabilities[[1, 0, 2]] * 1.1)
    reader = read(report_html(Report((right, wrong, Entry(sure, "c.png", "cat")), date=DATE)))
    assert [found["href"] for found in reader.attributes("a")] == ["#3", "#2", "#1"]
    assert "1 of 3 right" in reader.words
    assert "3 images · net" in reader.words
    assert "Numbers of gates are rounded to 16 bits" in reader.words


def test_a_page_about_several_networks_names_that_of_each_image_and_all_of_them():
    other = replace(explained(), checkpoint="other", checkpoint_digest="ef" * 32)
    page = read(report_html(Report((Entry(explained()), Entry(other)))))
    rows = json.loads(page.data)["entries"]
    assert [row["source"].split(" · ")[0] for row in rows] == ["net", "other"]
    assert "cd" * 32 in page.words
    assert "ef" * 32 in page.words


def test_a_network_without_classes_and_a_block_without_gates_are_shown():
    one = replace(explained(), classes=(), probabilities=explained().probabilities[:0])
    words = read(report_html(Report((Entry(one, "x.png"),)))).words
    assert "No prediction: this network is no classifier." in words
    unknown = replace(one, notes=(Message("network.no-classes", "the network gives {count} numbers", {"count": 4}),))
    words = read(report_html(Report((Entry(unknown, "x.png"),)))).words
    assert "No prediction: the classes of this network are not known." in words
    assert "This network has no gates to show." in read(output_html(replace(one, blocks=()))).words
    assert read(report_html(Report((Entry(one), Entry(one))))).words.count("image 2") == 1


def test_bytes_that_are_no_text_are_replaced():
    page = report_html(Report((Entry(explained(), "caf\udce9.png"), Entry(explained(), "b.png")), "a\udcff"))
    page.encode()
    assert "a\ufffd" in page
    assert "caf\ufffd.png" in page
