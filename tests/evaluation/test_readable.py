"""Work over a folder with files that cannot be decoded: they are left out, counted and named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cbam_core import Classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.data.corruption import corrupted
from cbam_core.data.dataset import Dataset, image_ids, labelled_for, open_dataset
from cbam_core.errors import DataError
from cbam_core.evaluation.readable import over_readable, without
from cbam_core.evaluation.scoring import score
from cbam_core.evaluation.selection import Selection, select
from cbam_core.results.left_out import LeftOut

BROKEN = (LeftOut(1, "cat/1.png"), LeftOut(4, "dog/4.png"))


def noise(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images of two classes; those of numbers 1 and 4 are broken."""
    for number in range(6):
        file = tmp_path / "photos" / ("cat" if number < 3 else "dog") / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(number)).save(file)
        if number in (1, 4):
            file.write_bytes(b"not an image")
    return tmp_path / "photos"


def opened(folder: Path) -> Dataset:
    return labelled_for(open_dataset(folder), CLASSES)


def test_broken_files_are_left_out_and_the_others_answer_as_alone(
    tiny_classifier: Classifier, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = score(tiny_classifier, opened(folder))
    whole = np.stack([noise(number) for number in (0, 2, 3, 5)])
    cat, dog = CLASSES.index("cat"), CLASSES.index("dog")
    alone = score(tiny_classifier, Dataset("photos", "", CLASSES, whole, np.array([cat, cat, dog, dog])))
    assert (result.left_out, result.total, result.numbers.tolist()) == (BROKEN, 4, [0, 2, 3, 5])
    assert np.array_equal(result.levels, alone.levels)
    assert result.labels.tolist() == [cat, cat, dog, dog]
    assert result.as_dict()["left_out"] == ["cat/1.png", "dog/4.png"]
    assert "left_out" not in alone.as_dict()
    assert [str(folder / name.name) in caplog.text for name in BROKEN] == [True, True]


def test_a_whole_set_is_worked_on_once_and_as_it_is(tiny_classifier: Classifier) -> None:
    seen: list[Dataset] = []

    def work(images: Dataset):
        seen.append(images)
        yield 1
        return "done"

    dataset = Dataset("noise", "", (), noise(0)[None], None)
    steps = over_readable(tiny_classifier, dataset, work, 0)
    assert next(steps) == 1
    with pytest.raises(StopIteration, match="done"):
        next(steps)
    assert len(seen) == 1
    assert seen[0] is dataset


def test_where_nothing_can_be_decoded_that_is_one_sentence_without_a_path(
    tiny_classifier: Classifier, folder: Path
) -> None:
    for file in folder.glob("*/*.png"):
        file.write_bytes(b"not an image")
    with pytest.raises(DataError, match="the 6 images cannot be read, so there is nothing") as caught:
        score(tiny_classifier, opened(folder))
    assert str(folder) not in str(caught.value)


def test_images_that_remain_keep_their_names_and_their_noise(folder: Path) -> None:
    whole = corrupted(opened(folder), "noise", 3)
    part = without(whole, list(BROKEN))
    assert list(image_ids(part)) == ["cat/0.png", "cat/2.png", "dog/3.png", "dog/5.png"]
    assert np.array_equal(part.images[1], whole.images[2])
    assert np.array_equal(part.images[2:][1], whole.images[5])


def test_filters_give_the_numbers_of_the_whole_set(tiny_classifier: Classifier, folder: Path) -> None:
    dataset = opened(folder)
    result = score(tiny_classifier, dataset)
    right = [int(number) for number, is_right in zip(result.numbers, result.is_right, strict=True) if is_right]
    assert select(dataset.known_labels, Selection(answers="right"), result).tolist() == right
    assert sorted(select(dataset.known_labels, Selection(order="sure"), result).tolist()) == [0, 2, 3, 5]
    assert select(dataset.known_labels, Selection(), result).tolist() == [*range(6)]
    assert [result.answer_to(number) is None for number in range(6)] == [False, True, False, False, True, False]
    assert result.answer_to(5) == CLASSES[result.predicted[3]]
