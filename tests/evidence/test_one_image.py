"""Consequences for one image: every gate under every replacement, as single explanations give them."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
import torch
from torch import nn

from cbam_core import CBAM_CNN, Borrowed, Classifier, Inverted, Off, OwnMean, Scaled, Usual, UsualLevel, explain
from cbam_core.errors import CaptureError, EditError, ModelError
from cbam_core.evidence.one_image import consequences
from cbam_core.nn import CBAM
from cbam_core.results import usual as known
from cbam_core.results.consequences import Consequences

RANDOM = np.random.default_rng(0)
IMAGE, OTHER = RANDOM.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
NAMES = [f"cbam{number}.{kind}" for number in (1, 2, 3) for kind in ("channel", "spatial")]


def with_usual(classifier: Classifier) -> Classifier:
    gates = [gate for block in explain(classifier, OTHER).blocks for gate in block.gates]
    shares = known.Shares(1.0, 0.0, 0.0)
    usual = [known.UsualGate(g.name, g.kind, 1, g.values * 0.9, g.values, 0.1, shares, 9, "noise") for g in gates]
    return replace(classifier, usual=known.Usual(tuple(usual), 9, "noise"))


@pytest.fixture(scope="module")
def network(tiny_classifier: Classifier) -> Classifier:
    return with_usual(tiny_classifier)


@pytest.fixture(scope="module")
def found(network: Classifier) -> Iterator[Consequences]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # a batch grows inside modules that keep it
        yield consequences(network, IMAGE, other=OTHER, replacements={"half": Scaled(0.5)})


def test_every_cell_is_the_explanation_with_that_edit(network: Classifier, found: Consequences) -> None:
    assert found.together
    assert [row.name for row in found.rows] == NAMES
    assert found.edits == ("usual", "usual_level", "own_mean", "other", "off", "inverted", "half")
    made = {"usual": Usual(), "usual_level": UsualLevel(), "own_mean": OwnMean(), "half": Scaled(0.5)}
    made |= {"other": Borrowed(explain(network, OTHER)), "off": Off(), "inverted": Inverted()}
    for row in found.rows:
        for outcome in row.outcomes:
            single = explain(network, IMAGE, edits={row.name: made[outcome.edit]})
            np.testing.assert_allclose(outcome.probabilities, single.probabilities, rtol=0, atol=1e-6)
            assert outcome.answer == single.predicted


def test_groups_are_replaced_together(network: Classifier, found: Consequences) -> None:
    assert [row.name for row in found.groups] == ["all.spatial", "all.channel", "all"]
    for pattern, row in zip(("*.spatial", "*.channel", "*"), found.groups, strict=True):
        assert [outcome.edit for outcome in row.outcomes] == ["usual", "other", "off"]
        single = explain(network, IMAGE, edits={pattern: Off()})
        np.testing.assert_allclose(row.under("off").probabilities, single.probabilities, rtol=0, atol=1e-6)


def test_the_row_of_a_gate_has_what_it_is_and_how_unusual(found: Consequences) -> None:
    row = found.row("cbam1.spatial")
    gate = found.explanation.blocks[0].gates[1]
    assert row.gate is gate
    assert row.strength == pytest.approx(gate.values.mean() / gate.usual.mean.mean(), rel=1e-5)
    assert row.difference == pytest.approx(np.sqrt((gate.against_usual.astype(float) ** 2).mean()))
    assert found.row("all").strength is None
    assert found.row("cbam9") is None


def test_what_a_gate_does_not_allow_is_left_out_with_its_reason(found: Consequences) -> None:
    row = found.row("cbam1.channel")
    assert row.under("own_mean") is None
    assert "no positions to take a mean over" in str(row.left_out["own_mean"])
    assert not found.row("cbam1.spatial").left_out


def test_without_usual_values_or_another_image_the_rest_is_there(tiny_classifier: Classifier) -> None:
    found = consequences(tiny_classifier, IMAGE)
    assert found.edits == ("own_mean", "off", "inverted")
    assert found.rows[0].left_out["usual"].code == "edit.usual-unknown"
    assert found.rows[0].strength is None
    assert [[outcome.edit for outcome in row.outcomes] for row in found.groups] == [["off"]] * 3


def test_columns_that_compare_with_the_usual_are_there_where_it_is_known(
    found: Consequences, tiny_classifier: Classifier
) -> None:
    assert str(found).splitlines()[1].split()[:2] == ["difference", "strength"]
    assert "cbam usual" not in str(found)
    plain = str(consequences(tiny_classifier, IMAGE))
    assert plain.splitlines()[1].split()[0] == "own_mean"
    assert repr(consequences(tiny_classifier, IMAGE)).endswith("gates; what is usual is not known)")
    assert plain.endswith("What is usual for these gates is not known; `cbam usual` finds it.")


def test_an_explanation_or_a_prepared_tensor_gives_the_same(network: Classifier, found: Consequences) -> None:
    tensor = network.preprocess(IMAGE)
    for image in (explain(network, IMAGE), tensor):
        again = consequences(network, image, other=explain(network, OTHER), replacements={"half": Scaled(0.5)})
        for one, two in zip(found.rows + found.groups, again.rows + again.groups, strict=True):
            for left, right in zip(one.outcomes, two.outcomes, strict=True):
                np.testing.assert_allclose(left.logits, right.logits, rtol=0, atol=1e-5)


def test_changes_are_those_of_the_answer_as_it_is(found: Consequences) -> None:
    place = found.explanation.classes.index(found.as_is.answer)
    assert found.as_is.answer == found.explanation.predicted
    outcome = found.row("cbam1.spatial").under("off")
    expected = outcome.probabilities[place] - found.explanation.probability
    assert found.change(outcome) == pytest.approx(expected, abs=1e-6)
    changed = {row.name for row in found.changed("off")}
    rows = (*found.rows, *found.groups)
    assert changed == {row.name for row in rows if row.under("off").answer != found.as_is.answer}


def test_results_are_plain_and_read_as_a_table(found: Consequences) -> None:
    twin = pickle.loads(pickle.dumps(found))
    assert str(twin) == str(found)
    lines = str(found).splitlines()
    assert lines[0].startswith(f"{found.as_is.answer} {100 * found.as_is.probabilities.max():.1f} %")
    assert lines[1].split() == ["difference", "strength", *found.edits]
    assert [line.split()[0] for line in lines[2:]] == [*NAMES, "all.spatial", "all.channel", "all"]
    assert f"{100 * found.rows[0].outcomes[0].probabilities[found.as_is.probabilities.argmax()]:.1f} %" in lines[2]
    assert repr(found).startswith(f"Consequences({found.as_is.answer}, 6 gates; ")


def test_any_module_is_taken_with_what_is_said_about_it() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), CBAM(8, ratio=4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    stated = {"size": 16, "classes": ["left", "right"], "normalisation": "imagenet"}
    found = consequences(model.eval(), IMAGE, **stated)
    single = explain(model, IMAGE, edits={"1.spatial": Off()}, **stated)
    np.testing.assert_allclose(found.row("1.spatial").under("off").probabilities, single.probabilities, atol=1e-6)


def test_what_cannot_be_asked_is_said_in_one_sentence(network: Classifier) -> None:
    with pytest.raises(ModelError, match="tiny has no classes, so it gives no answer that could change"):
        consequences(replace(network, classes=()), IMAGE)
    plain = replace(network, model=CBAM_CNN(gates="none").eval())
    with pytest.raises(CaptureError, match="tiny has no gates that could be replaced"):
        consequences(plain, IMAGE)
    explanation = explain(network, IMAGE)
    with pytest.raises(CaptureError, match="the explanation is of tiny, not of tiny"):
        consequences(replace(network, digest="ff"), explanation)
    other = replace(explanation, probabilities=np.roll(explanation.probabilities, 1))
    with pytest.raises(ModelError, match="the network answers otherwise than in the explanation"):
        consequences(network, other)
    with pytest.raises(EditError, match="it returned int"):
        explain(network, IMAGE, edits={"cbam1.channel": lambda gate: 1})


def test_an_edited_explanation_says_so(network: Classifier) -> None:
    edited = explain(network, IMAGE, edits={"cbam1.spatial": Usual(), "cbam2.*": lambda gate: gate.values})
    assert [str(note) for note in edited.notes] == [
        "gate cbam1.spatial is replaced: Usual",
        "gate cbam2.* is replaced: a function",
    ]
    assert np.array_equal(edited.blocks[0].spatial_mask, network.usual.gate("cbam1.spatial").mean)
