import math
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from cbam_core.cli.train_options import recipe_names
from cbam_core.errors import TrainingError
from cbam_core.training.recipes import FAST, RECIPES, REFERENCE, STRONG, Recipe, command_for, named, override


def test_every_recipe_stands_under_its_own_name() -> None:
    assert {"fast", "reference", "residual", "staged", "strong"} <= set(RECIPES)
    assert set(RECIPES) == set(recipe_names())  # of the files, for help that does not wait for torch
    assert all(recipe.name == name for name, recipe in RECIPES.items())


def test_the_reference_is_the_courses() -> None:
    jitter = (REFERENCE.brightness, REFERENCE.contrast, REFERENCE.saturation, REFERENCE.hue)
    assert jitter == (0.2, 0.2, 0.2, 0.1)
    assert (REFERENCE.crop_padding, REFERENCE.flip, REFERENCE.rotation) == (4, True, 15)
    assert (REFERENCE.epochs, REFERENCE.batch_size) == (50, 64)
    assert (REFERENCE.optimiser, REFERENCE.learning_rate, REFERENCE.schedule) == ("adam", 1e-3, "plateau")


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        FAST.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("epochs", 0, r"epochs must lie in \[1, 100000\]; given 0"),
        ("learning_rate", -1.0, r"learning_rate must lie in \(0, 1000\]"),
        ("learning_rate", math.nan, "learning_rate"),
        ("warmup", 1.0, r"warmup must lie in \(0, 1\); given 1"),
        ("momentum", 1.0, r"momentum must lie in \[0, 1\)"),
        ("hue", 0.6, "hue"),
        ("teacher_temperature", 0.0, "teacher_temperature"),
        ("second_rate", 0.0, r"second_rate must lie in \(0, 1\]"),
        ("validation", 0, "validation"),
        ("schedule", "cosine", "one of one-cycle, plateau, constant; given cosine"),
        ("optimiser", "lion", "optimiser"),
        ("gates", "half", "gates"),
        ("keep", "first", "keep"),
    ],
)
def test_values_that_cannot_be_are_refused(name: str, value: object, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        replace(FAST, **{name: value})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimiser": "muon"}, "stages goes with optimiser=sgd or adam"),
        ({"schedule": "plateau"}, "stages goes with"),
        ({"second": 2}, "stages goes with"),
        (
            {"epochs": 2},
            "the last stage begins at epoch 3, but the run has 2 epochs; give it at least 3, or earlier "
            "stages, such as --set stages='1: head=1; 2: **=0.1'",
        ),
        ({"stages": "2: **=1"}, "stages begin at epoch 1, each later than the one before; given 2"),
        ({"stages": "1: **=1; 3: fc=1; 3: **=1"}, "given 1, 3, 3"),
        ({"stages": "1: fc"}, "'1: fc' is not a stage; expected an epoch"),
        ({"stages": "fc=1"}, "'fc=1' is not a stage"),
        ({"stages": "1: fc=-1"}, "is not a stage"),
    ],
)
def test_stages_that_cannot_be_are_refused(changes, said) -> None:
    staged = replace(FAST, optimiser="adam", stages="1: head=1; 3: **=0.1", epochs=3)
    with pytest.raises(TrainingError) as error:
        replace(staged, **changes)
    assert said in str(error.value)


def test_the_command_names_network_and_places_by_their_options() -> None:
    staged = replace(RECIPES["staged"], weights="mine.pth", data="photos", architecture="timm:resnet18", size=64)
    assert command_for(staged.as_dict(), "runs/x") == (
        "cbam train --recipe staged --model timm:resnet18 --size 64 --data photos --weights mine.pth --out runs/x"
    )


@pytest.mark.parametrize("changes", [{"second": 20}, {"schedule": "plateau"}])
def test_a_second_cycle_needs_a_first_one(changes) -> None:
    assert replace(FAST, second=19).second == 19
    with pytest.raises(TrainingError, match="second must be less than epochs, with schedule=one-cycle; given"):
        replace(FAST, **{"second": 5, **changes})


def test_the_last_cycle_is_the_second_or_the_only_one() -> None:
    assert FAST.last_cycle == 1
    assert replace(FAST, epochs=9, second=5).last_cycle == 5


def test_values_given_as_text_are_read_by_their_kind() -> None:
    made = override(FAST, {"learning_rate": "0.05", "epochs": "3", "flip": "no", "keep": "best"})
    assert made == replace(FAST, learning_rate=0.05, epochs=3, flip=False, keep="best")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lr": "1"}, r"no value 'lr'; it has architecture, gates, insert"),
        ({"name": "mine"}, "no value 'name'"),
        ({"epochs": "many"}, "epochs must be a whole number; given 'many'"),
        ({"flip": "maybe"}, "flip must be yes or no; given 'maybe'"),
        ({"learning_rate": "fast"}, "learning_rate must be a number; given 'fast'"),
    ],
)
def test_text_that_is_no_value_is_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        override(FAST, changes)


def test_every_number_has_a_reason_in_its_file() -> None:
    assert all(isinstance(recipe, Recipe) for recipe in RECIPES.values())
    assert all(type(value) in (int, float, str, bool) for value in FAST.as_dict().values())


def test_every_file_with_a_recipe_is_found_in_the_folder() -> None:
    files = {path.stem for path in Path(named.__file__).parent.glob("*.py")} - {"__init__", "named", "recipe"}
    assert files == set(RECIPES)


def test_the_command_makes_the_same_recipe():
    assert command_for(STRONG.as_dict(), "runs/strong") == "cbam train --recipe strong --out runs/strong"
    changed = replace(REFERENCE, epochs=3, seed=9, learning_rate=0.02, flip=False)
    assert command_for(changed.as_dict(), "runs/other") == (
        "cbam train --recipe reference --epochs 3 --set learning_rate=0.02 --set flip=no --seed 9 --out runs/other"
    )


def test_the_command_of_an_older_or_unknown_recipe_names_what_is_known_of_it():
    older = {name: value for name, value in FAST.as_dict().items() if name != "plain"}
    assert command_for({**older, "gone": 3}, "a") == "cbam train --recipe fast --out a"
    assert command_for({"name": "my own", "epochs": 3}, "a") == "cbam train --recipe 'my own' --out a"


@pytest.mark.parametrize("changes", [{"teacher": "any"}, {"teacher_share": 0.5}])
def test_a_teacher_and_its_share_go_together(changes) -> None:
    with pytest.raises(TrainingError, match="teacher and teacher_share go together"):
        replace(FAST, **changes)


def test_a_stored_recipe_is_the_same_whatever_values_were_known_then() -> None:
    stored = FAST.as_dict()
    assert FAST.differences(stored) == []
    older = {name: value for name, value in stored.items() if name not in ("plain", "second")} | {"averaging": 0.0}
    assert FAST.differences(older) == []
    assert FAST.differences({**older, "averaging": 0.9, "epochs": 3}) == ["epochs", "averaging"]
    assert replace(FAST, plain=2).differences(older) == ["plain"]
