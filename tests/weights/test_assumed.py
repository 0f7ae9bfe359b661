from cbam_core.nn.registry import expected_tensors
from cbam_core.weights.assumed import assumed_description
from cbam_core.weights.card import ASSUMPTIONS
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    return {name: spec.shape for name, spec in expected_tensors("CBAM_CNN", {"num_classes": classes}).items()}


def test_ten_classes_are_assumed_to_be_cifar10() -> None:
    assumed = assumed_description(shapes(10))
    assert assumed.classes[:3] == ("airplane", "automobile", "bird")
    assert (assumed.mean, assumed.std, assumed.input_size) == (COURSE_MEAN, COURSE_STD, (32, 32))
    assert [message.code for message in assumed.card.assumptions] == [
        "card.assumed-cifar10",
        "card.assumed-normalisation",
    ]


def test_other_class_counts_are_numbered() -> None:
    assumed = assumed_description(shapes(3))
    assert assumed.classes == ("class 0", "class 1", "class 2")
    assert assumed.card.assumptions[0].code == "card.assumed-numbers"


def test_assumptions_read_as_sentences() -> None:
    for message in ASSUMPTIONS.values():
        assert "assumed" in str(message) or "numbered" in str(message)
