"""The Model page without a browser: networks with and without card, kernels and kept answers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from app import services
from cbam_core import CBAM_CNN, load_classifier
from cbam_core.data.cifar10 import CLASSES
from cbam_core.errors import TrainingError
from cbam_core.evaluation.evaluation_file import evaluation_path, save_evaluation
from cbam_core.gates.anatomy import summarise
from cbam_core.network import save_classifier
from cbam_core.results.evaluation import Evaluation, levels_of
from cbam_core.weights.card import Card
from tests.app.visiting import open_page, put_network

NETWORK = "cbam_cnn_cifar10"


@pytest.fixture
def checkpoint(monkeypatch, tmp_path):
    """The shipped network, alone in a folder of this test's own."""
    put_network(tmp_path)
    monkeypatch.setenv("CBAM_CHECKPOINT_DIR", str(tmp_path))
    monkeypatch.setenv("CBAM_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / f"{NETWORK}.safetensors"


def answers(digest):
    draws = np.random.default_rng(0)
    labels = np.repeat(np.arange(10, dtype=np.uint8), 20)
    predicted = np.where(draws.random(200) < 0.8, labels, (labels + 1) % 10).astype(np.uint8)
    probabilities = np.full((200, 10), 0.03, np.float32)
    probabilities[np.arange(200), predicted] = 0.73
    return Evaluation(CLASSES, labels, predicted, levels_of(probabilities), "test", digest)


def open_model():
    app = open_page("model")
    assert not app.error
    return app


def texts(app):
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.code, *app.text])


def pages(app):
    return " ".join(element.proto.body for element in app.get("html")).replace("<wbr>", "")


def charts(app):
    return app.get("plotly_chart")


def metrics(app):
    return {metric.label: (metric.value, metric.delta) for metric in app.metric}


def test_card_sizes_kernels_and_layers_of_the_chosen_network(checkpoint):
    app = open_model()
    classifier = load_classifier(checkpoint)
    summary = summarise(classifier.model, classifier.input_size)
    assert classifier.card.what in texts(app)
    found = metrics(app)
    assert found["Test accuracy"][0] == f"{100 * classifier.card.test_accuracy:.2f}\xa0%"
    assert found["Parameters"][0] == f"{summary.parameters:,}"
    assert f"{summary.cbam_parameters:,} from CBAM" in found["Parameters"][1]
    assert f"{summary.cbam_multiply_adds:,} from CBAM" in found["Multiply-adds"][1]
    shown = pages(app)
    assert classifier.digest in shown
    assert classifier.card.command in shown
    assert all(layer.name in shown for layer in summary.layers)
    assert shown.count("data-value=") == 3 * 2 * 49


def test_without_kept_answers_the_page_says_how_to_keep_them(checkpoint):
    app = open_model()
    assert charts(app) == []
    assert f"cbam evaluate --checkpoint {NETWORK} --keep" in texts(app)
    assert "Confusion matrix" not in pages(app)


def test_kept_answers_are_shown_and_said(checkpoint):
    found = answers(load_classifier(checkpoint).digest)
    save_evaluation(found, checkpoint)
    app = open_model()
    assert pages(app).count("data-said=") == 100
    assert str(found.confusion[0, 1]) in pages(app)
    assert [len(json.loads(chart.proto.spec)["data"]) for chart in charts(app)] == [1, 3]
    said = [chart.proto.alt for chart in charts(app)]
    assert f"airplane: {100 * found.right[0] / 20:.1f}\xa0% right" in said[0]
    assert "Expected calibration error" in said[1]
    assert f"{found.total_right} of 200 images of the test set are classified correctly" in texts(app)
    assert "--keep" not in texts(app)


def test_answers_of_other_weights_or_a_damaged_file_are_not_shown(checkpoint):
    save_evaluation(answers("0" * 64), checkpoint)
    app = open_model()
    assert charts(app) == []
    assert "belong to other weights" in texts(app)
    evaluation_path(checkpoint).write_bytes(b"nothing")
    app = open_model()
    assert charts(app) == []
    assert "cannot be read" in texts(app)
    assert f"cbam evaluate --checkpoint {NETWORK} --keep" in texts(app)


def test_a_visitors_file_of_the_same_name_gets_no_answers_of_another(checkpoint):
    classifier = load_classifier(checkpoint)
    save_evaluation(answers(classifier.digest), checkpoint)
    assert services.evaluation_of(classifier).digest == classifier.digest
    for other in (replace(classifier, digest="0" * 64), replace(classifier, name="mine")):
        with pytest.raises(TrainingError) as caught:
            services.evaluation_of(other)
        assert caught.value.code == "evaluation.none"


def test_answers_kept_later_are_shown_without_a_restart(checkpoint):
    app = open_model()
    assert charts(app) == []
    save_evaluation(answers(load_classifier(checkpoint).digest), checkpoint)
    app.run()
    assert len(charts(app)) == 2


@pytest.mark.parametrize("gates", ["channel", "none"])
def test_a_network_without_spatial_gates_says_so(checkpoint, tiny_classifier, gates):
    checkpoint.unlink()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CBAM_CNN(gates=gates).eval()
    arguments = {"num_classes": 10, "gates": gates}
    save_classifier(replace(tiny_classifier, model=model, arguments=arguments), checkpoint.with_stem(f"gates-{gates}"))
    app = open_model()
    assert "no kernels to show" in texts(app)
    assert "data-value=" not in pages(app)
    assert "Test accuracy" not in metrics(app)


def test_a_network_without_a_card_is_shown_with_what_is_known(checkpoint, tiny_classifier):
    checkpoint.unlink()
    bare = checkpoint.with_stem("bare")
    save_classifier(replace(tiny_classifier, card=Card()), bare)
    app = open_model()
    assert "not measured" in pages(app)
    assert load_classifier(bare).digest in pages(app)
    assert "Test accuracy" not in metrics(app)


def test_numbers_and_scale_of_kernels_can_be_chosen(checkpoint):
    app = open_model()
    app.toggle(key="model-kernels-numbers").set_value(True).run()
    assert 'class="kernels spelled"' in pages(app)
    app.segmented_control(key="model-kernels-scale").set_value("shared by all blocks").run()
    assert not app.exception
    model = load_classifier(checkpoint).model
    greatest = max(float(model.state_dict()[f"cbam{n}.spatial_attn.conv.weight"].abs().max()) for n in (1, 2, 3))
    assert pages(app).count(f"<span>−{greatest:.3f}</span>") == 3
