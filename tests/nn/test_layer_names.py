import pytest

from cbam_core.errors import ModelError
from cbam_core.nn.layer_names import matches, matching

NAMES = ["conv1", "layer1", "layer1.0", "layer1.0.conv1", "layer1.1", "layer2", "layer2.0", "layer5", "fc"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("layer1", ["layer1"]),
        ("layer[1-4]", ["layer1", "layer2"]),
        ("layer[!1]", ["layer2", "layer5"]),
        ("layer[1-4].*", ["layer1.0", "layer1.1", "layer2.0"]),
        ("layer?.0", ["layer1.0", "layer2.0"]),
        ("**.conv1", ["conv1", "layer1.0.conv1"]),
        ("layer1.**", ["layer1", "layer1.0", "layer1.0.conv1", "layer1.1"]),
        ("layer1.**.**.conv1", ["layer1.0.conv1"]),
        ("*", ["conv1", "layer1", "layer2", "layer5", "fc"]),
        (["fc", "layer1.0"], ["layer1.0", "fc"]),
        ("fc  layer1.0", ["layer1.0", "fc"]),
    ],
)
def test_a_pattern_matches_whole_names_part_by_part(pattern, found):
    assert matching(NAMES, pattern) == found


def test_a_name_with_a_space_is_one_name():
    assert matching(["first conv", "first", "conv"], "first conv") == ["first conv"]
    assert matching(["first conv", "first", "conv"], "conv first") == ["first", "conv"]


def test_a_dot_is_a_dot_and_case_counts():
    assert not matches("layer1x0", "layer1.0")
    assert not matches("Layer1", "layer1")
    assert matches("a+b.0", "a+b.*")
    assert matches("a^b", "a[&^]b")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("layr1", "no layer matches 'layr1'; similar names are layer1"),
        ("backbone.*.conv", "no layer matches 'backbone.*.conv'; similar names are"),
        ([], "name at least one layer"),
        (["fc", "head"], "no layer matches 'head'"),
        ("layer[4-1]", "'layer[4-1]' is not a pattern of layers"),
        ("x" * 201, "at most 200 characters; given 201"),
    ],
)
def test_what_matches_nothing_is_one_sentence(pattern, said):
    with pytest.raises(ModelError) as error:
        matching(NAMES, pattern)
    assert said in str(error.value)


def test_many_stars_take_no_time():
    assert not matches(".".join("a" * 60), ".".join(["**"] * 60) + ".b")
    assert matches(".".join("a" * 60), ".".join(["**"] * 60))
