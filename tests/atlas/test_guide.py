"""The page about the atlas: what it shows can be run, here with the 100 bundled images."""

import re
from pathlib import Path

import pytest

from cbam_core import load_classifier
from cbam_core.atlas.building import build_atlas
from cbam_core.data.dataset import samples

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "atlas.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = build_atlas(load_classifier("cbam_cnn_cifar10"), samples(), tmp_path_factory.mktemp("guide") / "atlas")
    known = {}
    for program in PROGRAMS[:3]:  # other programs read shards in tests of them
        here = program.replace('"cbam_cnn_cifar10-cifar10-test"', repr(str(folder))).replace("cifar10:test", "samples")
        exec(here.replace("neighbours(104", "neighbours(4").replace("n=500", "n=5"), known)
    return known


def test_every_program_of_the_guide_runs(names):
    assert len(PROGRAMS) == 4
    assert names["profile"].mean.shape == (10, 128)
    assert names["alike"][0] == 17
    assert names["found"].count == 10


def test_the_guide_names_the_channel_that_it_is_about(names):
    assert names["best"].column == "cbam3.channel[17]"
    assert names["best"].values[0] == names["atlas"].values("cbam3.channel")[:, 17].max()
