import io
from dataclasses import replace

import numpy as np
from PIL import Image

from app.services.prediction import PREVIEW, percent, prediction_data, preview_of
from cbam_core import explain
from cbam_core.errors import Message


def test_percentages_have_one_decimal():
    assert [percent(value) for value in (0.0, 0.70349, 0.9996, 1.0)] == [
        "0.0\xa0%",
        "70.3\xa0%",
        "100.0\xa0%",
        "100.0\xa0%",
    ]


def test_preview_is_small_and_keeps_its_proportions():
    with Image.open(io.BytesIO(preview_of(np.zeros((300, 1200, 3), np.uint8)))) as preview:
        assert preview.size == (PREVIEW, PREVIEW // 4)


def test_the_network_is_right_or_wrong_only_about_classes_that_it_knows(tiny_classifier):
    explanation = explain(tiny_classifier, np.zeros((32, 32, 3), np.uint8))
    other = next(name for name in explanation.classes if name != explanation.predicted)

    def verdict(truth):
        return prediction_data(explanation, caption="", truth=truth)["words"]["verdict"]

    assert verdict(explanation.predicted).endswith("The network is right.")
    assert verdict(other).endswith("The network is wrong.")
    assert verdict("zebra") == "Truth: zebra. The network does not know this class."
    assert verdict(None) == ""


def test_classes_of_sigmoids_are_not_said_to_exclude_each_other(tiny_classifier):
    explanation = explain(tiny_classifier, np.zeros((32, 32, 3), np.uint8))
    assert "every image is assigned one of them" in prediction_data(explanation, caption="")["words"]["closed"]
    sigmoids = replace(explanation, notes=(Message("network.sigmoids", "the network ends in sigmoids"),))
    assert prediction_data(sigmoids, caption="")["words"]["closed"] == ""
