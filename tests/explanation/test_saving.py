"""An explanation as files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from cbam_core.errors import CbamError, ImageError, Message
from cbam_core.explanation.contents import as_csv, as_npz, as_png, means_as_npz
from cbam_core.explanation.formats import FORMATS, WEB_PAGE
from cbam_core.explanation.saving import as_files, as_zip, folder_names, save
from cbam_core.render.figure import WORDS
from cbam_core.render.overlay import cells_on_input, cells_on_original, overlay, seen_on_original
from cbam_core.render.paper.single import figure_of
from cbam_core.results.explanation import Block, Explanation, Gate
from cbam_core.results.frame import Frame
from cbam_core.results.layout import Layout
from cbam_core.results.look import Look
from cbam_core.results.placement import Placement
from tests.plain_blocks import block_of, by_kind
from tests.plain_means import means_of
from tests.report.reading import read

RNG = np.random.default_rng(7)
DATE = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = [each.name for each in FORMATS]
HOSTILE = [
    "../x",
    "x",
    "X",
    "..\\..\\windows\\x",
    "/etc/passwd",
    "",
    "..",
    "a" * 5000 + ".png",
    "猫" * 300,
    "cafe\u0301.png",
    "CON",
    "nul.png",
    "C:\\",
    "a\x00b\nc\u202egnp.exe",
    "\udcff",
    " .hidden. ",
    "x-2",
]


def values(*shape: int) -> np.ndarray:
    return RNG.random(shape, dtype=np.float32)


@pytest.fixture
def explanation() -> Explanation:
    """Two CBAM blocks, one with channel weights only, and one whose gate weighs every value."""
    return Explanation(
        classes=("cat", "dog", "frog"),
        probabilities=np.array([0.2, 0.7, 0.1], np.float32),
        input_image=RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8),
        frame=Frame((160, 120), (32, 32), (20.0, 0.0, 140.0, 120.0)),
        fit="crop",
        notes=(Message("image.cropped", "cropped to the centre square of {side} pixels", {"side": 120}),),
        blocks=(
            block_of("cbam1", {"channel": values(32), "spatial": values(16, 16)}, Placement((0.5, 0.5), (2.0, 2.0))),
            block_of("cbam2", {"channel": values(64), "spatial": values(8, 8)}, Placement((1.5, 1.5), (4.0, 4.0))),
            block_of("layer1.se", {"channel": values(16)}, None),
            block_of("bam", {"full": values(4, 8, 8)}, Placement((1.5, 1.5), (4.0, 4.0))),
        ),
        image_digest="ab" * 32,
        checkpoint="cbam_cnn_cifar10",
        checkpoint_digest="cd" * 32,
    )


@pytest.fixture
def photo() -> np.ndarray:
    return RNG.integers(0, 256, (120, 160, 3), dtype=np.uint8)


def pixels_of(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def holds(large: np.ndarray, small: np.ndarray) -> bool:
    height, width = small.shape[:2]
    corners = np.argwhere((large == small[0, 0]).all(axis=2)).tolist()
    return any(np.array_equal(large[y : y + height, x : x + width], small) for y, x in corners)


def test_saved_files_are_those_in_memory(explanation: Explanation, tmp_path: Path) -> None:
    paths = save(explanation, tmp_path / "new" / "folder", date=DATE)
    assert list(paths) == NAMES
    assert {name: path.read_bytes() for name, path in paths.items()} == as_files(explanation, date=DATE)
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(NAMES)


def test_raw_values_come_back_bit_for_bit(explanation: Explanation) -> None:
    with np.load(io.BytesIO(as_npz(explanation)), allow_pickle=False) as loaded:
        arrays = dict(loaded)
    expected = {
        "probabilities": explanation.probabilities,
        "input_image": explanation.input_image,
        **{f"{block.name}.{kind}": gate for block in explanation.blocks for kind, gate in by_kind(block).items()},
    }
    assert {"cbam1.spatial", "cbam1.channel", "bam.full"} < set(arrays)
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].tobytes() == array.tobytes()


def test_raw_values_say_how_a_gate_multiplies_the_map(explanation: Explanation) -> None:
    first, *others = explanation.blocks
    gate, *rest = first.gates
    used = replace(first, gates=(replace(gate, scale=2.0, shift=1.0), *rest))
    with np.load(io.BytesIO(as_npz(replace(explanation, blocks=(used, *others))))) as stored:
        assert (stored[f"{gate.name}.scale"], stored[f"{gate.name}.shift"]) == (2.0, 1.0)
        assert sum(name.endswith((".scale", ".shift")) for name in stored) == 2


def test_means_keep_every_number_by_name_block_and_kind(explanation: Explanation) -> None:
    other = replace(explanation, probabilities=np.array([0.6, 0.2, 0.2], np.float32))
    both = means_of([explanation, other])
    with np.load(io.BytesIO(means_as_npz({"cat": both, "dog": both})), allow_pickle=False) as loaded:
        stored = dict(loaded)
    assert int(stored["dog.count"]) == 2
    assert np.array_equal(stored["cat.probabilities"], both.probabilities)
    assert np.array_equal(stored["cat.cbam2.spatial.mean"], both.blocks[1].spatial_mask)
    assert np.array_equal(stored["dog.layer1.se.channel.std"], both.deviation[2].channel_weights)
    assert len(stored) == 2 * (2 + 2 * 6)


def test_channel_weights_in_the_table_give_every_float_back(explanation: Explanation) -> None:
    awkward = np.array([0.1, 1 / 3, 1e-38, 1.4e-45, 0.99999994, 1.0, 0.0], np.float32)
    block = block_of('odd, "name"', {"channel": awkward}, None)
    rows = list(csv.DictReader(io.StringIO(as_csv(replace(explanation, blocks=(block,))).decode())))
    assert [row["block"] for row in rows] == ['odd, "name"'] * 7
    assert [int(row["channel"]) for row in rows] == list(range(7))
    assert np.array([np.float32(row["weight"]) for row in rows]).tobytes() == awkward.tobytes()


def test_table_holds_every_block_that_has_weights(explanation: Explanation) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(explanation).decode())))
    for block in explanation.blocks:
        weights = [np.float32(row["weight"]) for row in rows if row["block"] == block.name]
        assert np.array_equal(weights, [] if block.channel_weights is None else block.channel_weights)


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
    assert list(entries) == NAMES[:3]
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


def test_figure_holds_the_overlays_on_the_input(explanation: Explanation) -> None:
    page = pixels_of(as_png(explanation))
    for block in explanation.blocks[:2]:
        assert block.spatial_mask is not None
        assert block.placement is not None
        cells = cells_on_input(block.placement)
        over = overlay(explanation.input_image, block.spatial_mask, cells, zoom=7)
        assert holds(page, over)


def test_figure_holds_the_overlays_on_the_original(explanation: Explanation, photo: np.ndarray) -> None:
    look = Look(colours="magma", scale="stretch", opacity=0.8, smooth=True)
    page = pixels_of(as_png(explanation, original=photo, look=look))
    block, frame = explanation.blocks[0], explanation.frame
    assert block.spatial_mask is not None
    assert block.placement is not None
    over = overlay(
        photo,
        block.spatial_mask,
        cells_on_original(block.placement, frame),
        look,
        seen=seen_on_original(frame),
        zoom=2,
    )
    assert holds(page, over)


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


def test_figure_is_for_print(explanation: Explanation) -> None:
    with Image.open(io.BytesIO(as_png(explanation))) as picture:
        assert picture.format == "PNG"
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_figure_speaks_another_language(explanation: Explanation) -> None:
    other = as_png(explanation, words={**WORDS, "weights": "poids des canaux"})
    assert not np.array_equal(pixels_of(other), pixels_of(as_png(explanation)))


def test_masks_lie_on_an_original_that_was_decoded_smaller_as_on_the_whole_one(explanation: Explanation) -> None:
    large, small = (gradient_of(*size) for size in ((2000, 1500), (1000, 750)))
    frame = Frame((2000, 1500), (32, 32), (750.0, 50.0, 1250.0, 550.0))
    explanation = replace(explanation, frame=frame, blocks=explanation.blocks[:1])
    look = Look("viridis", "unit", 1.0, False)
    for draw in (partial(as_png, look=look), _printed):
        pages = [pixels_of(draw(explanation, original=original)).astype(int) for original in (large, small)]
        assert pages[0].shape == pages[1].shape
        assert (np.abs(pages[0] - pages[1]).max(axis=-1) > 20).mean() < 0.01


def gradient_of(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((x * 255 // width, y * 255 // height, 0 * x), axis=-1).astype(np.uint8)


def _printed(explanation: Explanation, original: np.ndarray) -> bytes:
    return figure_of(explanation, Layout(), original=original).as_bytes("png", 60)


def test_an_original_of_another_size_is_refused(explanation: Explanation, photo: np.ndarray) -> None:
    with pytest.raises(ImageError, match="has 159 x 120 pixels, but the one that was explained had 160 x 120"):
        as_files(explanation, original=photo[:, 1:])


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"colours": "jet"}, "render.unknown-colours"),
        ({"scale": "log"}, "render.unknown-scale"),
        ({"opacity": 2.0}, "render.opacity"),
    ],
)
def test_unknown_settings_are_one_sentence(
    explanation: Explanation, tmp_path: Path, settings: dict[str, object], code: str
) -> None:
    with pytest.raises(CbamError) as caught:
        explanation.save(tmp_path, **settings)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert not list(tmp_path.iterdir())


def test_an_explanation_passes_its_look_on(explanation: Explanation, tmp_path: Path) -> None:
    explanation.save(tmp_path, colours="magma", scale="stretch", opacity=0.8, smooth=True)
    look = Look("magma", "stretch", 0.8, True)
    assert (tmp_path / "figure.png").read_bytes() == as_png(explanation, look=look)


def test_a_folder_that_cannot_be_written_is_one_sentence(explanation: Explanation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CbamError, match=r"cannot write .*file.*choose a folder") as caught:
        save(explanation, tmp_path / "file" / "folder")
    assert caught.value.code == "save.unwritable"
    with pytest.raises(CbamError, match=r"file is a file, and the results need a folder of that name") as caught:
        save(explanation, tmp_path / "file")
    assert caught.value.code == "save.file-there"
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_failed_save_leaves_no_manifest(
    explanation: Explanation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "channel_weights.csv").mkdir()
    with pytest.raises(CbamError):
        save(explanation, tmp_path)
    assert not (tmp_path / "manifest.json").exists()
    assert not list(tmp_path.glob(".*"))


def test_saving_again_replaces_the_files(explanation: Explanation, tmp_path: Path) -> None:
    save(explanation, tmp_path, date=DATE)
    paths = save(explanation, tmp_path, date=DATE, look=Look(colours="magma"))
    assert json.loads(paths["manifest.json"].read_text())["figure"]["colours"] == "magma"


def test_explanation_saves_itself(explanation: Explanation, tmp_path: Path) -> None:
    assert list(explanation.save(tmp_path, scale="stretch")) == NAMES


def test_zip_of_one_holds_its_files(explanation: Explanation) -> None:
    with zipfile.ZipFile(io.BytesIO(as_zip(explanation, date=DATE))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == as_files(explanation, date=DATE)


def test_zip_is_the_same_for_the_same_date_and_differs_for_another(explanation: Explanation) -> None:
    first = as_zip(explanation, date=DATE)
    assert as_zip(explanation, date=DATE.astimezone(timezone(timedelta(hours=8)))) == first
    assert as_zip(explanation, date=DATE + timedelta(seconds=1)) != first


def test_zip_does_its_work_on_each_within_the_given_context(explanation: Explanation, photo: np.ndarray) -> None:
    inside, asked = [], []

    @contextmanager
    def within() -> Iterator[None]:
        inside.append(True)
        yield
        inside.pop()

    class Originals(dict):
        def get(self, name, default=None):
            asked.append((name, len(inside)))
            return super().get(name, default)

    as_zip({"a.png": explanation, "b.png": explanation}, original=Originals({"b.png": photo}), within=within, date=DATE)
    assert asked == [("a.png", 1), ("b.png", 1)]
    assert inside == []


def test_zip_of_several_has_a_folder_each(explanation: Explanation, photo: np.ndarray) -> None:
    other = replace(explanation, probabilities=np.array([1, 0, 0], np.float32))
    packed = as_zip({"a.png": explanation, "b.png": other}, original={"b.png": photo}, date=DATE)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == [f"{folder}/{name}" for folder in ("a.png", "b.png") for name in NAMES]
        first, second = (json.loads(archive.read(f"{folder}/manifest.json")) for folder in ("a.png", "b.png"))
    assert (first["predicted"], second["predicted"]) == ("dog", "cat")
    assert (first["figure"]["on"], second["figure"]["on"]) == ("input", "original")


def test_zip_with_hostile_names_unpacks_inside_its_folder(explanation: Explanation, tmp_path: Path) -> None:
    small = replace(explanation, blocks=())
    with zipfile.ZipFile(io.BytesIO(as_zip(dict.fromkeys(HOSTILE, small)))) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "inside")
    assert len(names) == len(HOSTILE) * 4
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    for name in names:
        assert len(PurePosixPath(name).parts) == 2
        assert (tmp_path / "inside" / name).is_file()


def test_folder_names_are_safe_short_and_unique() -> None:
    folders = folder_names(HOSTILE)
    assert list(folders) == HOSTILE
    assert len({folder.casefold() for folder in folders.values()}) == len(HOSTILE)
    for folder in folders.values():
        assert 0 < len(folder.encode()) <= 90
        assert folder == folder.strip(" .")
        assert folder.isprintable()
        assert not set(folder) & set('/\\:*?"<>|')
    assert folders["CON"] == "_CON"
    assert folders["nul.png"] == "_nul.png"
    assert folders[""] == "image"


def test_harmless_names_stay_as_they_are() -> None:
    names = ["my cat (1).png", "猫.jpg", "IMG_2024-01-01.heic"]
    assert list(folder_names(names).values()) == ["my cat _1_.png", "猫.jpg", "IMG_2024-01-01.heic"]


def test_two_gates_of_one_kind_in_a_block_are_kept_apart(explanation: Explanation) -> None:
    first, second = (np.full((2, 2), value, np.float32) for value in (0.25, 0.75))
    twins = tuple(
        Gate(name, "spatial", 1, mask) for name, mask in (("a.left.spatial", first), ("a.right.spatial", second))
    )
    doubled = replace(explanation, blocks=(Block("a", twins, None),))
    assert doubled.blocks[0].spatial_mask is first
    with np.load(io.BytesIO(as_npz(doubled))) as stored:
        assert np.array_equal(stored["a.left.spatial"], first)
        assert np.array_equal(stored["a.right.spatial"], second)
    (entry,) = json.loads(as_files(doubled)["manifest.json"])["blocks"]
    assert [gate["array"] for gate in entry["gates"].values()] == ["a.left.spatial", "a.right.spatial"]
    assert [gate["least"] for gate in entry["gates"].values()] == [0.25, 0.75]


def test_a_web_page_is_written_on_request_and_opens_with_the_look(explanation: Explanation, tmp_path: Path) -> None:
    assert WEB_PAGE.name not in explanation.save(tmp_path / "plain")
    paths = explanation.save(tmp_path / "out", html=True, reading="relative", opacity=0.4)
    page = read(paths[WEB_PAGE.name].read_text(encoding="utf-8"))
    settings = json.loads(page.data)["settings"]
    assert (settings["reading"], settings["opacity"]) == ("relative", 0.4)
    assert explanation.checkpoint in page.words
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*paths}
    assert len(paths) == len(FORMATS) + 1
