"""Results sent ahead are the results that the server gives when it is asked."""

import json

import pytest

from app import services
from app.services.images import samples_ahead
from app.services.prediction import prediction_data
from app.widgets.prefetch import Ahead
from cbam_core.data.samples import sample_sheet

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit warns that no server runs


def test_they_are_what_the_page_shows_of_each_picture():
    classifier = services.network("cbam_cnn_cifar10")
    results = json.loads(samples_ahead(classifier))
    assert len(results) == len(sample_sheet().images)
    for index in (0, 30, 99):
        shown = services.show_sample(classifier, index)
        said = services.about_sample(index)
        about = prediction_data(shown.explanation, caption=said.caption, truth=said.truth)
        sent = results[index]
        for block, known in zip(sent["view"]["blocks"], shown.view["blocks"], strict=True):
            for part in ("mask", "weights"):
                assert block[part] == {name: known[part][name] for name in known[part] if name != "usual"}
            assert {**block, "mask": None, "weights": None} == {**known, "mask": None, "weights": None}
        assert {**sent["prediction"]["picture"], "rgb": sent["rgb"]} == about["picture"]
        assert sent["prediction"] == {**about, "picture": sent["prediction"]["picture"]}
        assert all(shown.view["images"][0][name] == value for name, value in sent["view"]["image"].items())


def test_they_stay_small_enough_to_be_sent():
    assert len(samples_ahead(services.network("cbam_cnn_cifar10"))) < 1_000_000


def test_a_result_is_told_by_channel_network_and_place():
    assert Ahead("sample", "abc", 3, 2).as_dict() == {"channel": "sample", "of": "abc", "index": 3, "generation": 2}
