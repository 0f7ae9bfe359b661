"""Facts beside the weights are read, and nothing that only looks like one."""

import collections
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from cbam_core.network import Classifier, load_classifier
from tests.corpus.checkpoints import light_state, saved

LETTERS = tuple("abcdefghij")


def beside(**facts: Any) -> Classifier:
    return load_classifier(saved({"state_dict": light_state(), **facts}))


@pytest.mark.parametrize(
    "facts",
    [
        {"classes": [*LETTERS]},
        {"class_names": LETTERS},
        {"class_to_idx": {name: place for place, name in enumerate(LETTERS)}},
        {"idx_to_class": dict(enumerate(LETTERS))},
        {"config": {"id2label": {str(place): name for place, name in enumerate(LETTERS)}}},
        {"meta": {"CLASSES": LETTERS}},
        {"hyper_parameters": {"lr": 0.1, "label_names": [*LETTERS]}},
        {"names": collections.OrderedDict(enumerate(LETTERS))},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_class_names_are_read(facts: dict[str, Any]) -> None:
    found = beside(**facts)
    assert found.classes == LETTERS
    assert "card.assumed-cifar10" not in [message.code for message in found.card.assumptions]


@pytest.mark.parametrize(
    "facts", [{"class_to_idx": {str(9 - n): n for n in range(10)}}, {"names": dict(enumerate("9876543210"))}], ids=str
)
def test_class_names_may_be_digits(facts: dict[str, Any]) -> None:
    assert beside(**facts).classes == tuple("9876543210")


NUMBERS = tuple(map(str, range(10)))
ODD = [0, 3, 5, 7, 11, 13, 17, 19, 23, 29]


@pytest.mark.parametrize(
    "facts",
    [
        {"classes": list(range(10))},
        {"classes": range(10)},
        {"class_names": tuple(range(10))},
        {"classes": np.arange(10)},
        {"classes": [np.int64(number) for number in range(10)]},
        {"classes": np.arange(10.0)},
        {"classes": torch.arange(10)},
        {"config": {"classes": torch.arange(10, dtype=torch.uint8)}},
        {"class_to_idx": {number: number for number in range(10)}},
        {"idx_to_class": {np.int64(number): np.int64(number) for number in range(10)}},
        {"label_map": {number: number for number in range(10)}},
        {"label_names": list(range(10))},
    ],
    ids=str,
)
def test_class_names_may_be_numbers(facts: dict[str, Any]) -> None:
    found = beside(**facts)
    assert found.classes == NUMBERS
    assert "card.assumed-cifar10" not in [message.code for message in found.card.assumptions]


@pytest.mark.parametrize(
    "facts",
    [
        {"classes": ODD},
        {"class_to_idx": {number: place for place, number in enumerate(ODD)}},
        {"classes": {number: np.int64(place) for place, number in enumerate(ODD)}},
        {"idx_to_class": dict(enumerate(ODD))},
        {"classes": np.array(ODD)},
    ],
    ids=str,
)
def test_class_numbers_need_not_run_from_0(facts: dict[str, Any]) -> None:
    assert beside(**facts).classes == tuple(map(str, ODD))


TURNED = {0: 2, 1: 0, 2: 1, **{number: number for number in range(3, 10)}}


def test_a_dict_of_numbers_is_read_the_way_that_its_key_says() -> None:
    assert beside(class_to_idx=TURNED).classes[:3] == ("1", "2", "0")
    assert beside(idx_to_class=TURNED).classes[:3] == ("2", "0", "1")
    assert beside(classes=TURNED).classes[0] == "airplane"  # either way round would do


@pytest.mark.parametrize(
    "classes",
    [np.array(LETTERS), np.array(LETTERS, dtype=object), [np.str_(letter) for letter in LETTERS]],
    ids=["texts", "objects", "list"],
)
def test_class_names_are_read_from_arrays(classes: Any) -> None:
    assert beside(classes=classes).classes == LETTERS
    assert said(beside(classes=classes[:9]))["checkpoint.other-classes"].startswith("the file names 9 classes")


def test_class_names_are_read_from_keys_of_numpy() -> None:
    places = {letter: place for place, letter in enumerate(np.unique(LETTERS))}
    assert {type(letter) for letter in places} == {np.str_}
    assert beside(class_to_idx=places).classes == LETTERS


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_of_names_has_no_order(kind: type) -> None:
    found = beside(classes=kind(LETTERS))
    assert found.classes[0] == "airplane"
    assert said(found)["checkpoint.unordered-classes"].startswith("the file's class names (classes) are not used, for")


@pytest.mark.parametrize(
    "facts",
    [
        {"classes": ["a", "b"]},
        {"classes": [1] * 10},
        {"classes": [True, False] * 5},
        {"classes": [0.5 + number for number in range(10)]},
        {"labels": torch.arange(10)},
        {"names": np.arange(10)},
        {"class_to_idx": dict(enumerate(ODD))},
        {"labels": list(range(10))},
        {"classes": ["a\nb", *LETTERS[1:]]},
        {"classes": 10},
        {"idx_to_class": dict.fromkeys(range(1, 11), "a")},
    ],
    ids=str,
)
def test_what_cannot_be_class_names_is_not_taken_for_them(facts: dict[str, Any]) -> None:
    assert beside(**facts).classes[0] == "airplane"


HALF = (0.5, 0.4, 0.3)
SPREAD = (0.25, 0.2, 0.1)


@pytest.mark.parametrize(
    "facts",
    [
        {"mean": [*HALF], "std": [*SPREAD]},
        {"normalize": {"mean": HALF, "std": SPREAD}},
        {"normalization": (HALF, SPREAD)},
        {"pixel_mean": [255 * value for value in HALF], "pixel_std": [255 * value for value in SPREAD]},
        {"mean": torch.tensor(HALF, dtype=torch.float64), "std": torch.tensor(SPREAD, dtype=torch.float64)},
        {"mean": torch.tensor(HALF, dtype=torch.float64).view(1, 3, 1, 1), "std": np.array(SPREAD)},
        {"mean": np.array(HALF), "std": [np.float64(value) for value in SPREAD]},
        {"config": {"image_mean": HALF, "image_std": SPREAD}},
    ],
    ids=str,
)
def test_mean_and_deviation_are_read(facts: dict[str, Any]) -> None:
    found = beside(**facts)
    assert found.mean == pytest.approx(HALF)
    assert found.std == pytest.approx(SPREAD)
    assert "card.assumed-normalisation" not in [message.code for message in found.card.assumptions]


@pytest.mark.parametrize(
    "facts",
    [
        {"mean": 0.9, "std": 0.01},
        {"mean": [0.5, 0.4], "std": [1, 1]},
        {"mean": [*HALF]},
        {"mean": [float("nan")] * 3, "std": [1.0] * 3},
        {"mean": [0.5] * 3, "std": [0.0] * 3},
        {"mean": "none", "std": "none"},
    ],
    ids=str,
)
def test_what_cannot_be_a_normalisation_is_not_taken_for_one(facts: dict[str, Any]) -> None:
    found = beside(**facts)
    assert found.mean == (0.4914, 0.4822, 0.4465)
    assert "card.assumed-normalisation" in [message.code for message in found.card.assumptions]


@pytest.mark.parametrize("size", [36, (34, 36), (3, 34, 36), [1, 3, 34, 36], torch.Size([34, 36])])
def test_input_size_is_read_in_every_form(size: Any) -> None:
    found = beside(input_size=size)
    assert found.input_size == ((36, 36) if size == 36 else (36, 34))


def test_input_size_that_the_network_does_not_take_is_not_believed() -> None:
    assert beside(img_size=224).input_size == (32, 32)


def test_texts_of_a_safetensors_file_are_read() -> None:
    tensors = {name: tensor.contiguous() for name, tensor in light_state().items()}
    texts = {"classes": '["' + '", "'.join(LETTERS) + '"]', "mean": "0.5, 0.4, 0.3", "std": "[0.25, 0.2, 0.1]"}
    found = load_classifier(safetensors.torch.save(tensors, metadata=texts))
    assert found.classes == LETTERS
    assert (found.mean, found.std) == (HALF, SPREAD)


def said(found: Classifier) -> dict[str, str]:
    return {remark.code: str(remark) for remark in found.remarks}


def test_class_numbers_of_a_safetensors_file_are_read() -> None:
    tensors = {name: tensor.contiguous() for name, tensor in light_state().items()}
    for text in ("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]", "0,1,2,3,4,5,6,7,8,9"):
        assert load_classifier(safetensors.torch.save(tensors, metadata={"classes": text})).classes == NUMBERS
    assert load_classifier(safetensors.torch.save({**tensors, "classes": torch.arange(10)})).classes == NUMBERS


def test_names_of_another_number_of_classes_are_said_to_be_unused() -> None:
    found = beside(class_names=[*LETTERS[:9]], epoch=3)
    assert said(found)["checkpoint.other-classes"].startswith(
        "the file names 9 classes (class_names) and the network has 10, so these names are not used"
    )
    assert "class_names" not in said(found)["checkpoint.left-out"]
    assert "that fit" in str(found.card.assumptions[0])


@pytest.mark.parametrize(
    "facts",
    [
        {"labels": ["a", "b"]},
        {"classes": [1, 2, 3]},
        {"classes": [*LETTERS]},
        {"config": {"class_name": ["Trainer"]}},
        {"config": {"class_name": ["Trainer", "Model"]}},
        {},
    ],
    ids=str,
)
def test_lists_of_other_things_are_no_names_of_classes(facts: dict[str, Any]) -> None:
    assert not {"checkpoint.other-classes", "checkpoint.one-class", "checkpoint.unfit-names"} & {*said(beside(**facts))}


def test_one_name_is_said_to_be_unused_in_the_singular() -> None:
    found = said(beside(classes=["cat"]))
    assert found["checkpoint.one-class"].startswith("the file names one class (classes) and the network has 10")
    assert "checkpoint.other-classes" not in found


@pytest.mark.parametrize(
    "classes",
    [[""] * 10, ["a\nb", *LETTERS[1:]], ["x" * 101, *LETTERS[1:]], {str(place): "" for place in range(10)}],
    ids=["empty", "lines", "long", "dict"],
)
def test_names_that_cannot_be_shown_are_said_to_be_unused(classes: Any) -> None:
    found = beside(classes=classes)
    assert said(found)["checkpoint.unfit-names"].startswith(
        "the file's class names (classes) are not used, for a name has 1 to 100 characters"
    )
    assert "checkpoint.left-out" not in said(found)


@pytest.mark.parametrize("std", [[0.0] * 3, [-0.2, 0.2, 0.2]])
def test_a_deviation_that_cannot_be_is_said_to_be_unused(std: list[float]) -> None:
    found = beside(mean=[0.5] * 3, std=std)
    words = f"(mean 0.5, 0.5, 0.5; std {', '.join(f'{one:g}' for one in std)}) are not used"
    assert words in said(found)["checkpoint.other-normalisation"]
    assert "checkpoint.left-out" not in said(found)


def test_classes_of_one_name_are_named() -> None:
    assert said(beside(classes=["cat", "dog", *LETTERS[:6], "cat", "dog"]))["checkpoint.same-names"].endswith(
        "cat, dog"
    )
    assert "checkpoint.same-names" not in said(beside(classes=[*LETTERS]))
