"""The sample report in the documents: what its program writes, and small."""

import importlib.util
import json
from pathlib import Path

from cbam_core.report import report_html
from tests.report.reading import read

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "sample-report.html"


def test_the_sample_is_one_small_file_of_all_bundled_images():
    page = read(PAGE.read_text(encoding="utf-8"))
    entries = json.loads(page.data)["entries"]
    assert PAGE.stat().st_size < 2_000_000
    assert len(entries) == 100
    assert all(entry["blocks"] for entry in entries)
    assert [entry["wrong"] for entry in entries] == sorted((entry["wrong"] for entry in entries), reverse=True)
    assert all(found["src"].startswith("data:image/") for found in page.attributes("img"))


def test_the_sample_is_what_its_program_writes_now():
    spec = importlib.util.spec_from_file_location("make_sample_report", ROOT / "docs" / "make_sample_report.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    made = read(report_html(program.sample_report(step=20)))
    page = read(PAGE.read_text(encoding="utf-8"))
    stored = {entry["name"]: entry for entry in json.loads(page.data)["entries"]}
    for entry in json.loads(made.data)["entries"]:
        then = stored[entry["name"]]
        assert (then["truth"], then["wrong"], then["images"]) == (entry["truth"], entry["wrong"], entry["images"])
        assert abs(then["top"][0][1] - entry["top"][0][1]) < 1e-4, "run make report"
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in made.elements}, "run make report"
