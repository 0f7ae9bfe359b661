"""The manifest of a saved explanation: what was explained, and how its figure was drawn."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from cbam_core.explanation.formats import FORMATS
from cbam_core.explanation.saving import as_files
from cbam_core.results.explanation import Explanation
from cbam_core.results.look import Look
from tests.plain_blocks import block_of

DATE = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = [each.name for each in FORMATS]


def test_manifest_says_what_was_explained(explanation: Explanation) -> None:
    manifest = json.loads(as_files(explanation, date=DATE)["manifest.json"])
    assert manifest["format_version"] == 1
    assert manifest["date"] == "2025-01-02T03:04:05+00:00"
    assert manifest["network"] == {"name": "cbam_cnn_cifar10", "sha256": "cd" * 32}
    assert manifest["image"] == {
        "decoding": {"stretch": False, "ground": "white"},
        "sha256": "ab" * 32,
        "fit": "crop",
        "frame": {"original_size": [160, 120], "input_size": [32, 32], "box": [20.0, 0.0, 140.0, 120.0]},
        "notes": [
            {
                "code": "image.cropped",
                "values": {"side": 120},
                "text": "cropped to the centre square of 120 pixels",
            }
        ],
    }
    assert manifest["predicted"] == "dog"
    assert [entry["class"] for entry in manifest["probabilities"]] == ["cat", "dog", "frog"]
    probabilities = np.array([entry["probability"] for entry in manifest["probabilities"]], np.float32)
    assert probabilities.tobytes() == explanation.probabilities.tobytes()
    assert manifest["versions"]["numpy"] == np.__version__
    assert "9 significant digits" in manifest["rounding"]


def test_manifest_places_every_block(explanation: Explanation) -> None:
    files = as_files(explanation, date=DATE)
    blocks = {block["name"]: block for block in json.loads(files["manifest.json"])["blocks"]}
    assert list(blocks) == ["cbam1", "cbam2", "layer1.se", "bam"]
    assert blocks["cbam1"]["placement"] == {"start": [0.5, 0.5], "step": [2.0, 2.0]}
    assert blocks["layer1.se"]["placement"] is None
    with np.load(io.BytesIO(files["values.npz"])) as arrays:
        for block in blocks.values():
            for gate in block["gates"].values():
                array = arrays[gate["array"]]
                assert list(array.shape) == gate["shape"]
                assert (gate["least"], gate["greatest"]) == (float(array.min()), float(array.max()))
                assert gate["flat"] is False
                assert gate["through"] is False


def test_manifest_digests_are_those_of_the_files(explanation: Explanation) -> None:
    files = as_files(explanation, date=DATE)
    entries = json.loads(files["manifest.json"])["files"]
    assert list(entries) == NAMES[:-1]
    for name, entry in entries.items():
        assert entry == {"bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}


def test_manifest_stays_json_when_numbers_are_not_finite(explanation: Explanation) -> None:
    broken = block_of("cbam1", {"channel": np.array([np.inf, 0.5], np.float32)}, None)
    odd = replace(explanation, blocks=(broken,), probabilities=np.array([np.nan, 1, 0], np.float32))
    manifest = json.loads(as_files(odd)["manifest.json"], parse_constant=pytest.fail)
    assert manifest["probabilities"][0]["probability"] is None
    assert manifest["blocks"][0]["gates"]["channel"]["greatest"] is None


def test_a_network_from_no_file_has_no_digest(explanation: Explanation) -> None:
    manifest = json.loads(as_files(replace(explanation, checkpoint_digest=""))["manifest.json"])
    assert manifest["network"]["sha256"] is None


def test_manifest_says_how_the_figure_was_drawn(explanation: Explanation, photo: np.ndarray) -> None:
    plain = json.loads(as_files(explanation)["manifest.json"])["figure"]
    other = as_files(explanation, original=photo, look=Look("greys", "stretch", 0.25, True))
    assert plain == {
        "on": "input",
        "colours": "viridis",
        "scale": "unit",
        "opacity": 0.5,
        "smooth": False,
        "reading": "values",
    }
    assert json.loads(other["manifest.json"])["figure"] == {
        "on": "original",
        "colours": "greys",
        "scale": "stretch",
        "opacity": 0.25,
        "smooth": True,
        "reading": "values",
    }
