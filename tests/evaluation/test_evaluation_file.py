"""Evaluations beside their checkpoints: keeping, opening, refusing."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from cbam_core.errors import TrainingError
from cbam_core.evaluation.evaluation_file import (
    LARGEST,
    evaluation_path,
    open_evaluation,
    save_evaluation,
)
from cbam_core.files import sha256_of
from cbam_core.results.evaluation import Evaluation, levels_of

CLASSES = tuple("abcdefghij")


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "net.v2.safetensors"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def found(checkpoint) -> Evaluation:
    """Answers to ten thousand images, as hard to compress as there are any."""
    draws = np.random.default_rng(0)
    probabilities = draws.dirichlet(np.ones(10), 10_000).astype(np.float32)
    labels = draws.integers(0, 10, 10_000, dtype=np.uint8)
    predicted = probabilities.argmax(1).astype(np.uint8)
    return Evaluation(CLASSES, labels, predicted, levels_of(probabilities), "test", sha256_of(checkpoint))


def refused(checkpoint, digest=None) -> TrainingError:
    with pytest.raises(TrainingError) as caught:
        open_evaluation(checkpoint, digest)
    said = str(caught.value)
    assert f"`cbam evaluate --checkpoint {checkpoint} --keep`" in said
    assert "\n" not in said
    return caught.value


def arrays_of(path):
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def test_what_is_kept_comes_back_the_same(found, checkpoint):
    path = save_evaluation(found, checkpoint)
    assert path == evaluation_path(checkpoint) == checkpoint.parent / "net.v2.evaluation.npz"
    again = open_evaluation(checkpoint)
    assert (again.classes, again.split, again.digest) == (CLASSES, "test", found.digest)
    for name in ("labels", "predicted", "levels"):
        assert np.array_equal(getattr(again, name), getattr(found, name))
        assert getattr(again, name).dtype == getattr(found, name).dtype
        assert not getattr(again, name).flags.writeable
    assert again.as_dict() == found.as_dict()


def test_ten_thousand_images_stay_small(found, checkpoint):
    assert save_evaluation(found, checkpoint).stat().st_size < 250_000


def test_a_known_digest_saves_reading_the_checkpoint(found, checkpoint):
    save_evaluation(found, checkpoint)
    checkpoint.unlink()
    assert open_evaluation(checkpoint, found.digest).total == 10_000


def test_other_weights_under_the_same_name_are_noticed(found, checkpoint):
    save_evaluation(found, checkpoint)
    assert refused(checkpoint, "0" * 64).code == "evaluation.other-weights"
    checkpoint.write_bytes(b"other weights")
    assert refused(checkpoint).code == "evaluation.other-weights"


def test_a_missing_one_is_said_to_be_missing(checkpoint):
    assert refused(checkpoint).code == "evaluation.none"
    assert refused(checkpoint / "deeper.pth").code == "evaluation.none"


def test_an_older_one_is_replaced_whole(found, checkpoint):
    save_evaluation(found, checkpoint)
    save_evaluation(replace(found, split="other"), checkpoint)
    assert open_evaluation(checkpoint).split == "other"
    assert sorted(path.name for path in checkpoint.parent.iterdir()) == [
        "net.v2.evaluation.npz",
        "net.v2.safetensors",
    ]


def test_a_folder_that_cannot_be_written_is_one_sentence(found, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"cannot write .*net\.pth\.evaluation\.npz") as caught:
        save_evaluation(found, tmp_path / "file" / "net.pth")
    assert caught.value.code == "evaluation.unwritable"


@pytest.mark.parametrize("length", [0, 30, 5000, -1])
def test_a_file_cut_short_is_refused(found, checkpoint, length):
    path = save_evaluation(found, checkpoint)
    path.write_bytes(path.read_bytes()[:length])
    assert refused(checkpoint).code == "evaluation.unreadable"


def test_a_flipped_byte_is_refused_or_changes_nothing(found, checkpoint):
    path = save_evaluation(found, checkpoint)
    content = path.read_bytes()
    for place in np.random.default_rng(2).integers(0, len(content), 20):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            again = open_evaluation(checkpoint)
        except TrainingError:
            continue
        assert again.as_dict() == found.as_dict()
        assert again.classes == found.classes


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.full(10_000, 10, np.uint8)},
        {"predicted": np.full(10_000, 255, np.uint8)},
        {"labels": np.zeros(9_999, np.uint8)},
        {"labels": np.zeros((10_000, 1), np.uint8)},
        {"predicted": np.zeros(10_000, np.int64)},
        {"levels": np.zeros((10_000, 9), np.uint16)},
        {"levels": np.zeros((10_000, 10), np.float32)},
        {"classes": np.arange(10)},
        {"classes": np.array("abcdefghij")},
        {"digest": np.zeros(3)},
        {"split": np.array({"an": "object"}, dtype=object)},
        {"levels": None},
    ],
    ids=str,
)
def test_arrays_that_do_not_fit_are_refused(found, checkpoint, change):
    path = save_evaluation(found, checkpoint)
    arrays = {name: array for name, array in {**arrays_of(path), **change}.items() if array is not None}
    with path.open("wb") as file:
        np.savez(file, **arrays)
    assert refused(checkpoint).code == "evaluation.unreadable"


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(found, checkpoint):
    path = save_evaluation(found, checkpoint)
    with path.open("wb") as file:
        np.savez_compressed(file, more=np.zeros(LARGEST, np.uint8))
    assert path.stat().st_size < 100_000
    assert refused(checkpoint).code == "evaluation.unreadable"


def test_a_header_that_claims_more_than_the_file_holds_is_refused(found, checkpoint):
    path = save_evaluation(found, checkpoint)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 60,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("classes.npy", header.getvalue() + b"short")
    assert refused(checkpoint).code == "evaluation.unreadable"
