"""The plan of an atlas: what follows from it, and its description, which comes back or is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cbam_core.atlas.plan import read_plan, write_plan
from cbam_core.errors import AtlasError
from cbam_core.results.placement import Placement
from tests.atlas.made_plan import PLAN


def test_columns_have_names_that_any_tool_can_ask_for() -> None:
    assert PLAN.columns[:8] == ["index", "id", "ok", "label", "answer", "confidence", "logit[0]", "logit[1]"]
    assert PLAN.gate_columns[:5] == [
        "b1.channel[0]",
        "b1.channel[1]",
        "b1.channel[2]",
        "b1.channel[3]",
        "b1.spatial[0,0]",
    ]
    assert PLAN.gate_columns[-1] == "b1.spatial[1,2]"
    assert PLAN.width == 10


def test_shards_cover_every_image_once() -> None:
    assert PLAN.shards == 2
    assert [(PLAN.rows(k).start, PLAN.rows(k).stop) for k in range(2)] == [(0, 4), (4, 7)]


def test_a_description_comes_back_as_it_was(tmp_path: Path) -> None:
    unknown = replace(PLAN.gates[1], placement=Placement.stretched((2, 3), (8, 8)))
    for plan in (PLAN, replace(PLAN, gates=(PLAN.gates[0], unknown))):
        write_plan(tmp_path, plan)
        back = read_plan(tmp_path)
        assert back == plan
        assert back.digest == plan.digest
        assert back.gates[1].placement.cells == (2, 3)


def test_the_digest_follows_every_part_of_the_description() -> None:
    others = (
        replace(PLAN, torch="3"),
        replace(PLAN, images=replace(PLAN.images, corruption="blur:3")),
        replace(PLAN, network=replace(PLAN.network, std=(0.25, 0.25, 0.26))),
        replace(PLAN, shard_size=5),
    )
    assert len({PLAN.digest, *(other.digest for other in others)}) == 5


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace('"format": 1', '"format": 2'), "atlas.other-format"),
        (lambda text: text.replace('"count": 7', '"count": 8'), "atlas.damaged-description"),
        (lambda text: text[:-30], "atlas.damaged-description"),
        (lambda text: "[]", "atlas.damaged-description"),
    ],
)
def test_a_description_that_was_changed_is_refused(tmp_path: Path, change, code) -> None:
    write_plan(tmp_path, PLAN)
    path = tmp_path / "atlas.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(AtlasError) as refused:
        read_plan(tmp_path)
    assert refused.value.code == code
    assert str(tmp_path) in str(refused.value)


def test_a_folder_without_an_atlas_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="cbam atlas build --out"):
        read_plan(tmp_path)
