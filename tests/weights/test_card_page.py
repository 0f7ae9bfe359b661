from pathlib import Path

import pytest

from cbam_core.errors import CheckpointError
from cbam_core.files import sha256_of
from cbam_core.network import load_classifier, save_classifier
from cbam_core.places import checkpoint_folder, shipped_checkpoints
from cbam_core.weights.card_page import render_cards, write_cards
from cbam_core.weights.description import METADATA_KEY
from tests.corpus import checkpoints


def card() -> dict[str, object]:
    return {
        "what": "A | test\nnetwork.",
        "recipe": {"name": "short", "learning_rate": 0.2},
        "command": "cbam train --recipe short",
        "epochs": 60,
        "seed": 0,
        "split": "45,000 images trained on",
        "test_correct": 8913,
        "test_count": 10000,
        "limits": "Ten classes | no more.",
        "versions": {"torch": "2.14.1"},
        "date": "2025-11-22",
    }


def test_page_says_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(checkpoints.described(checkpoints.description(card=card())))
    page = render_cards({"net": path})
    for expected in (
        "## net",
        "A | test network.",
        "`CBAM_CNN(num_classes=10",
        "1,150,896",
        "class 0, class 1",
        "32×32 RGB",
        "89.13 % (8,913 of 10,000)",
        "| Epochs | 60 |",
        "| Seed | 0 |",
        "Ten classes \\| no more.",
        "torch 2.14.1",
        "2025-11-22",
        f"`net.safetensors`, {path.stat().st_size:,} bytes",
        f"`{sha256_of(path)}`",
        "```sh\ncbam train --recipe short\n```",
        "learning_rate 0.2",
    ):
        assert expected in page


def test_page_leaves_out_what_nobody_said(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(checkpoints.described(checkpoints.description()))
    page = render_cards({"net": path})
    assert "Test accuracy" not in page
    assert "Epochs" not in page
    assert "Recipe" not in page


def test_page_tells_assumptions(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_classifier(load_classifier(checkpoints.saved(checkpoints.network().state_dict())), path)
    assert "Assumed: the file names no classes" in render_cards({"net": path})


def test_written_page_lists_every_network_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.safetensors").write_bytes(checkpoints.described(checkpoints.description()))
    page = write_cards(tmp_path)
    assert page == tmp_path / "README.md"
    text = page.read_text(encoding="utf-8")
    assert text.index("## a") < text.index("## b")
    assert text == render_cards({name: tmp_path / f"{name}.safetensors" for name in ("a", "b")})


def test_file_without_a_description_has_no_card(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(checkpoints.saved(checkpoints.network().state_dict()))
    with pytest.raises(CheckpointError, match="holds no description of its network"):
        render_cards({"net": path})


def test_page_on_disk_agrees_with_the_shipped_files() -> None:
    shipped = shipped_checkpoints()
    if shipped:
        page = (checkpoint_folder() / "README.md").read_text(encoding="utf-8")
        assert page == render_cards(shipped), "run cbam_core.weights.card_page.write_cards()"


def test_metadata_key_is_the_one_that_files_carry() -> None:
    assert METADATA_KEY == checkpoints.KEY
