"""A network and a folder of classes that the operator names: every page works with them, or says why not."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app import services
from app.compare import classes
from app.compare.state import Selected
from app.services import dataset, evaluating
from app.services import surveyed as surveyed_here
from cbam_core import Classifier
from cbam_core.errors import CheckpointError
from cbam_core.network.opening import operators_text
from cbam_core.network.statement import statement
from cbam_core.places import IMAGE_VARIABLE, NETWORK_VARIABLE
from cbam_core.steps import finished
from tests.app.visiting import MAIN, go_to

SOURCE = """
from torch import nn

class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.mask = nn.Conv2d(8, 1, 3, padding=1)
        self.weights = nn.Linear(8, 8)

    def forward(self, x):
        x = x * self.weights(x.mean((2, 3))).sigmoid()[:, :, None, None]
        return x * self.mask(x).sigmoid()

class Net(nn.Module):
    def __init__(self, outputs=3):
        super().__init__()
        self.stem, self.gate, self.head = nn.Conv2d(3, 8, 3, stride=2), Gate(), nn.Linear(8, outputs)

    def forward(self, x):
        return self.head(self.gate(self.stem(x)).mean((2, 3)))

class Boxes(Net):
    def forward(self, x):
        return {"boxes": self.gate(self.stem(x))}
"""

CLASSES = ("cat", "heron", "owl")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "operators_nets.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "operators_nets", None)
    del sys.modules["operators_nets"]
    return tmp_path


@pytest.fixture
def folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four photos of two classes, of several sizes."""
    draws = np.random.default_rng(0)
    for name in ("heron", "cat"):
        (place / "val" / name).mkdir(parents=True)
        for number in range(2):
            pixels = draws.integers(0, 256, (40 + number, 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / "val" / name / f"{name}{number}.png")
    monkeypatch.setenv(IMAGE_VARIABLE, str(place / "val"))
    return place / "val"


def name_network(monkeypatch: pytest.MonkeyPatch, model: str, **stated: object) -> None:
    given = statement({"size": 48, "normalisation": "half", **stated})
    monkeypatch.setenv(NETWORK_VARIABLE, operators_text(model, given))


def side_of(app: AppTest, side: str) -> Selected:
    selected: Selected = app.session_state["compare-sides"][side]
    return selected


def opened(page: str) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.run()
    go_to(app, page).run()
    assert not app.exception
    assert not app.error
    return app


def at(page: str, **address: str) -> AppTest:
    """A page that a visitor comes by with an address."""
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    app.query_params.update(address)
    go_to(app, page).run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return " ".join(str(element.value) for element in [*app.markdown, *app.caption, *app.code, *app.text, *app.info])


def test_a_folder_of_classes_takes_the_place_of_cifar10(folder: Path, tiny_classifier: Classifier) -> None:
    test = services.test_set()
    assert test is not None
    assert (test.title, test.classes, len(test)) == ("operator:folder", ("cat", "heron"), 4)
    assert services.test_count() == 4
    assert not services.has_gallery()
    assert [services.about_test_image(index).truth for index in range(4)] == ["cat", "cat", "heron", "heron"]
    assert services.about_sample(2).name == "heron0"
    assert [tile.class_ for tile in services.sample_tiles()] == ["cat", "cat", "heron", "heron"]
    assert services.samples_of("heron").shape == (2, 88, 88, 3)
    assert services.test_sheet((0, 3), 2)[:4] == services.sample_png()[:4] == b"\x89PNG"
    assert not services.knows(tiny_classifier, test)
    assert str(folder) not in repr(services.about_test_image(0))


def test_labels_are_those_of_a_network_that_knows_more_classes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_network(monkeypatch, "operators_nets:Net", classes=CLASSES)
    network = services.network(services.networks()[0])
    test = services.test_set()
    assert test is not None
    assert services.knows(network, test)
    told = dataset.labelled_as(network, test)
    assert told.classes == CLASSES
    assert told.known_labels.tolist() == [0, 0, 1, 1]
    offer = services.offer_for(network)
    assert offer is not None
    assert (offer.answers, offer.count) == (True, 4)
    means = services.class_summaries(network)
    assert {name: one.count for name, one in means.items()} == {"cat": 2, "heron": 2}


def test_the_operators_network_comes_first_and_every_page_shows_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_network(monkeypatch, "operators_nets:Net", classes=CLASSES, name="herons")
    assert services.networks()[:2] == ("herons", "cbam_cnn_cifar10")
    app = opened("inspect")
    assert app.sidebar.selectbox[0].value == "herons"
    app = opened("model")
    said = texts(app)
    assert "No kernel over the mean and the maximum of the channels" in said
    assert "from gates (" in app.metric[0].delta
    assert not any("what its blocks" in page.proto.body for page in app.get("html"))
    app.button(key="audit-begin").click().run()
    assert not app.exception
    assert any('class="audit"' in page.proto.body for page in app.get("html"))
    assert "cbam evaluate" not in said
    assert str(folder) not in said
    app = opened("compare")
    assert [side_of(app, name).sample for name in ("left", "right")] == [0, 2]
    app.segmented_control(key="compare-mode").select("classes").run()
    assert not app.exception
    chosen = [app.selectbox(key=f"compare-class-{side}-0").value for side in ("left", "right")]
    assert chosen == ["cat", "heron"]
    assert "Means over all test images of each class (n = 2)" in texts(app)
    assert "bundled" not in texts(app)
    assert [classes._said_means(over, whole=False) for over in ("samples", "test")] == ["some_means", "test_means"]


def test_images_that_are_samples_and_the_test_set_stand_in_one_place_and_old_links_lead_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_network(monkeypatch, "operators_nets:Net", classes=CLASSES, name="herons")
    app = opened("inspect")
    sources = app.segmented_control(key="inspect-source")
    assert (sources.options[0], sources.value) == ("Test set", "test")
    assert "Samples" not in sources.options
    app = at("inspect", image="sample-2")
    assert app.query_params["image"] == "test-2"
    assert "This link asks for" not in texts(app)
    app = at("compare", a="sample-3", b="test-1")
    assert (app.query_params["a"], app.query_params["b"]) == ("test-3", "test-1")
    assert "This link asks for" not in texts(app)
    assert services.named_once("sample", 99) == ("sample", 99)
    monkeypatch.setattr(dataset, "MOST_SAMPLES", 2)
    assert services.named_once("sample", 1) == ("sample", 1)
    assert "Samples" in opened("inspect").segmented_control(key="inspect-source").options


def test_a_network_without_a_prediction_is_shown_by_its_gates(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_network(monkeypatch, "operators_nets:Boxes", classes=())
    app = opened("inspect")
    assert any("no classes" in caption.value for caption in app.caption)
    network = services.network("Boxes")
    shown = services.show_sample(network, 31)
    assert shown.explanation.predicted is None
    assert [block["name"] for block in shown.view["blocks"]] == ["gate"]
    assert "gives no prediction" in texts(opened("model"))


def test_for_a_network_without_a_prediction_only_what_is_usual_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluating, "FEWEST", 2)
    name_network(monkeypatch, "operators_nets:Boxes", classes=())
    offer = services.offer_for(services.network("Boxes"))
    assert offer is not None
    assert (offer.answers, offer.count) == (False, 4)


def test_a_network_that_cannot_be_opened_is_not_explained_to_visitors(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_network(monkeypatch, "operators_nets:Missing")
    with pytest.raises(CheckpointError) as caught:
        services.operators_network()
    assert "log" in str(caught.value)
    assert "operators_nets" not in str(caught.value)


APP = MAIN.parent


def test_no_page_or_upload_reaches_the_doors_that_run_code():
    doors = {"load_classifier", "open_stated", "open_network", "build_named", "open_operators"}
    reached = {
        (path.relative_to(APP).as_posix(), name)
        for path in APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cbam_core")
        for name in doors & {alias.name for alias in node.names}
    }
    assert reached == {("services/networks.py", "open_operators")}  # which reads what the operator started it with


def test_files_that_cannot_be_decoded_are_left_out_and_named_without_their_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cat" / "x.png").write_bytes(b"not an image")
    name_network(monkeypatch, "operators_nets:Net", classes=CLASSES)
    network = services.network(services.networks()[0])
    means = services.class_summaries(network)
    assert {name: one.count for name, one in means.items()} == {"cat": 2, "heron": 2}
    tested = services.test_summaries(network, lambda done, total: None)
    assert [one.count for one in tested.values()] == [2, 2]
    for test in (False, True):
        assert [image.name for image in services.class_left_out(network, test=test)] == ["cat/x.png"]
    said = "1 of 5 images left out, which cannot be decoded\\: x.png."
    app = opened("compare")
    app.segmented_control(key="compare-mode").select("classes").run()
    assert said in texts(app)
    images = evaluating.images_for(network)
    surveyed = finished(evaluating._steps(network, images))
    assert surveyed.evaluation is not None
    assert (surveyed.evaluation.total, surveyed.usual.count) == (4, 4)
    surveyed_here.keep_survey(network, surveyed)
    test_set = services.test_set()
    assert test_set is not None
    answers = services.kept_answers(network, test_set)
    assert answers is not None
    assert answers.numbers.tolist() == [0, 1, 3, 4]
    app = opened("model")
    assert said in texts(app)
    assert str(folder) not in texts(app)


def test_images_of_one_name_are_told_apart_by_their_classes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("cat", "heron"):
        (folder / kind / f"{kind}0.png").rename(folder / kind / "0.png")
    name_network(monkeypatch, "operators_nets:Net", classes=CLASSES)
    about = [services.about_test_image(number) for number in (0, 1, 2)]
    assert [one.caption.partition(",")[0] for one in about] == ["cat/0.png", "cat1.png", "heron/0.png"]
    assert [one.name for one in about] == ["cat-0", "cat1", "heron-0"]


def test_an_image_that_cannot_be_read_is_named_with_its_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "cat" / "x.png").write_bytes(b"not an image")
    name_network(monkeypatch, "operators_nets:Net", classes=CLASSES)
    assert [tile.label for tile in services.sample_tiles()][1:4] == [
        "cat, test image 1",
        "x.png, test image 2: cannot be read",
        "heron, test image 3",
    ]
    for address in ("sample-2", "test-2"):
        app = AppTest.from_file(str(MAIN), default_timeout=60)
        app.query_params["image"] = address
        app.run()
        (error,) = app.error
        assert "x.png, image 2 of the operator's folder\\: this file is not an image" in error.value
