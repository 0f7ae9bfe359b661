"""A visitor's own checkpoints in the sidebar: what is taken, refused, removed and brought back."""

from __future__ import annotations

import functools
import gc
import io
import weakref
from dataclasses import replace

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app import services
from app.services import images as pictures
from app.session import own_networks
from app.session.words import plain_name
from app.widgets.network_file import take_network
from cbam_core import CBAM_CNN
from cbam_core.data.cifar10 import CLASSES
from cbam_core.errors import CbamError
from cbam_core.places import shipped_checkpoints
from tests.app.visiting import MAIN, go_to


def saved(model):
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def states():
    """State dicts as the course saves them, each with other weights."""
    files = []
    with torch.random.fork_rng():
        for seed in range(own_networks.MOST + 1):
            torch.manual_seed(seed)
            files.append(saved(CBAM_CNN()))
    return files


@pytest.fixture
def app():
    test = AppTest.from_file(str(MAIN), default_timeout=60)
    test.run()
    assert not test.exception
    return test


def bring(app, name, content):
    app.sidebar.file_uploader[0].set_value([(name, content, "application/octet-stream")]).run()
    assert not app.exception
    return app


def test_means_that_took_long_are_not_given_up_for_many_small_results(monkeypatch, states):
    shelf = own_networks._Shelf()
    monkeypatch.setattr(own_networks, "_shelf", lambda: shelf)
    classifier = own_networks.find(own_networks.take("mine.pth", states[0]))
    own_networks.means_of(classifier)["test"] = "worked out"
    for number in range(own_networks.REMEMBERED + 1):
        own_networks.recall(classifier, number, lambda: "result")
    assert len(shelf.kept["mine"].results) == own_networks.REMEMBERED
    assert own_networks.means_of(classifier) == {"test": "worked out"}
    own_networks.drop("mine")
    own_networks.restore()
    assert own_networks.means_of(classifier) == {}


def test_of_a_network_of_large_pictures_fewer_results_are_kept(tiny_classifier):
    def most(side):
        return own_networks._most_results(replace(tiny_classifier, input_size=(side, side)))

    assert most(32) == most(64) == own_networks.REMEMBERED
    assert most(224) == 11
    assert most(2000) == own_networks.FEWEST


@pytest.fixture
def shelf(monkeypatch):
    """The networks of one visitor, without a page."""
    shelf = own_networks._Shelf()
    monkeypatch.setattr(own_networks, "_shelf", lambda: shelf)
    return shelf


def test_what_is_stated_about_a_network_is_undone_by_stating_nothing(shelf, states):
    name = own_networks.take("mine.pth", states[0])
    before = own_networks.find(name)
    own_networks.recall(before, "key", lambda: "made before")
    own_networks.make_statement(name, own_networks.Statement(classes=tuple("abcdefghij"), normalisation="half"))
    stated = own_networks.find(name)
    assert stated.classes == tuple("abcdefghij")
    assert stated.mean == (0.5, 0.5, 0.5)
    assert stated.card.assumptions == ()
    assert not shelf.kept[name].results
    assert own_networks.take("again.pth", states[0]) == name  # it is the same file
    own_networks.make_statement(name, own_networks.NOTHING)
    assert own_networks.find(name).description == before.description
    assert own_networks.find(name).digest == before.digest


def test_what_does_not_fit_leaves_the_network_as_it_was(shelf, states):
    name = own_networks.take("mine.pth", states[0])
    for wrong in (own_networks.Statement(classes=("a",)), own_networks.Statement(input_size=500)):
        with pytest.raises(CbamError):
            own_networks.make_statement(name, wrong)
    assert own_networks.statement_about(name) == own_networks.NOTHING
    assert own_networks.find(name).classes == CLASSES


def test_what_is_usual_for_a_network_that_comes_in_is_found(shelf, states):
    taken = take_network("mine.pth", states[0])
    assert taken.refusal is None
    assert own_networks.find("mine").usual.count == 100


def test_averaged_weights_can_be_chosen(shelf):
    plain = CBAM_CNN().state_dict()
    content = io.BytesIO()
    torch.save({"model": plain, "ema": {**plain, "fc2.bias": torch.ones(10)}}, content)
    name = own_networks.take("both.pth", content.getvalue())
    assert list(own_networks.in_file(name)) == ["model", "ema"]
    own_networks.make_statement(name, own_networks.Statement(weights="ema"))
    assert torch.equal(own_networks.find(name).model.fc2.bias, torch.ones(10))
    own_networks.make_statement(name, own_networks.NOTHING)
    assert torch.equal(own_networks.find(name).model.fc2.bias, plain["fc2.bias"])


def test_all_visitors_together_keep_so_much_and_no_more(shelf, states, monkeypatch):
    monkeypatch.setattr(own_networks, "_OF_ALL", weakref.WeakSet())
    monkeypatch.setenv(own_networks.TOGETHER_VARIABLE, "5")
    own_networks.take("one.pth", states[0])
    other = own_networks._Shelf()
    monkeypatch.setattr(own_networks, "_shelf", lambda: other)
    with pytest.raises(CbamError, match="memory that this server reserves for uploaded networks is full"):
        own_networks.take("two.pth", states[1])
    shelf.kept.clear()  # the first visitor has left
    gc.collect()
    assert own_networks.take("two.pth", states[1]) == "two"


def own_names(app):
    return [name for name in network(app).options if name.startswith("Yours: ")]


def network(app):
    return app.sidebar.selectbox(key="network_name")


def test_a_state_dict_becomes_the_network_in_use(app, states):
    bring(app, "day 49/best.pth", states[0])
    assert network(app).value == "best"
    assert "Yours: best" in network(app).options
    assert not app.error


def test_a_network_that_comes_in_closes_the_menu_and_is_named_whole_with_its_way_out_beside_it(app, states):
    name = "weights_of_my_network_from_monday_evening"
    bring(app, "cat.pth", b"no weights at all")
    bring(app, f"{name}.pth", states[0])
    assert [one.value for one in app.success] == [f"Loaded: {plain_name(name)}"]
    row = app.sidebar.button(key="own-remove")
    assert row.proto.help == f"Remove {plain_name(name)}"
    app.run()
    assert len(app.success) == 1  # until another one is selected
    network(app).select("cbam_cnn_cifar10").run()
    assert not app.success
    network(app).select(name).run()
    assert not app.success
    assert f"Yours: {plain_name(name)}" in [caption.value for caption in app.sidebar.caption]


def menu_generation(app):
    return app.session_state["own-menu-generation"]


def test_a_refused_file_leaves_the_menu_open_and_one_that_is_taken_closes_it(app, states):
    before = menu_generation(app)
    bring(app, "cat.pth", b"no weights at all")
    assert menu_generation(app) == before
    bring(app, "best.pth", states[0])
    assert menu_generation(app) == before + 1


def test_a_checkpoint_of_a_training_framework_is_taken(app, states):
    content = io.BytesIO()
    torch.save({"state_dict": torch.load(io.BytesIO(states[0])), "epoch": 3}, content)
    bring(app, "last.ckpt", content.getvalue())
    assert network(app).value == "last"


def to_images(app, *files):
    """Drop files where images belong."""
    app.segmented_control(key="inspect-source").select("upload").run()
    app.file_uploader(key="files-0").set_value([(name, content, "application/octet-stream") for name, content in files])
    app.run()
    assert not app.exception
    return app


def test_a_network_that_is_dropped_among_images_is_selected_and_a_sentence_says_so(app, states, picture_file):
    to_images(app, ("best.pth", states[0]), ("cat.png", picture_file.read_bytes()))
    assert network(app).value == "best"
    assert [one.value for one in app.info] == [
        "best.pth is a network, not an image. It is loaded, and selected in the sidebar."
    ]
    assert not app.dataframe  # of images there is one
    network(app).select("cbam_cnn_cifar10").run()
    assert network(app).value == "cbam_cnn_cifar10"  # it is taken once
    assert not app.info
    network(app).select("best").run()
    assert len(app.info) == 1
    app.sidebar.button(key="own-remove").click().run()
    assert not app.info


def test_what_is_no_network_despite_its_name_is_refused_among_images(app):
    before = network(app).value
    to_images(app, ("best.pt", b"no weights at all"))
    assert network(app).value == before
    (error,) = app.error
    assert error.value.startswith("best.pt was not accepted: ")


def test_a_network_that_is_dropped_on_a_side_of_compare_is_selected_and_the_side_stays(app, states):
    go_to(app, "compare").run()
    app.segmented_control(key="compare-source-left-0").select("upload").run()
    app.file_uploader(key="compare-file-left-0").set_value([("best.pth", states[0], "application/octet-stream")]).run()
    assert not app.exception
    assert network(app).value == "best"
    assert any(one.value.startswith("best.pth is a network, not an image.") for one in app.info)
    assert app.file_uploader(key="compare-file-left-1").value is None


def test_the_file_of_a_network_that_ships_is_that_network(app):
    file = shipped_checkpoints()["cbam_resnet_cifar10"]
    bring(app, "mine.safetensors", file.read_bytes())
    assert network(app).value == "cbam_resnet_cifar10"
    assert not own_names(app)
    assert [info.value for info in app.info] == [
        "mine.safetensors is the same file as cbam\\_resnet\\_cifar10, so cbam\\_resnet\\_cifar10 was selected."
    ]


def test_every_page_works_on_it(app, states):
    bring(app, "best.pth", states[0])
    for page in ("compare", "model", "training", "inspect"):
        go_to(app, page).run()
        assert not app.exception
        assert not app.error
        assert network(app).value == "best"


def test_compare_says_whose_it_is(app, states):
    bring(app, "best.pth", states[0])
    go_to(app, "compare").run()
    app.segmented_control(key="compare-mode").select("networks").run()
    for side in ("left", "right"):
        assert "Yours: best" in app.selectbox(key=f"compare-network-{side}-0").options


def test_a_network_whose_weights_overflow_is_refused(app):
    model = CBAM_CNN()
    with torch.no_grad():
        for layer in (model.fc1, model.fc2):
            layer.weight.fill_(1e30)
    bring(app, "huge.pth", saved(model))
    assert not own_names(app)
    (error,) = app.error
    assert "huge.pth was not accepted: the output of huge is not finite" in error.value


def test_what_goes_wrong_in_a_part_of_a_page_is_one_sentence_there(app, monkeypatch, caplog):
    def fail(*_):
        raise CbamError("test.broken", "{thing} is broken; mend it", thing="this")

    monkeypatch.setattr(services, "show_sample", fail)
    app.run()
    assert [error.value for error in app.error] == ["This is broken; mend it."]
    assert not app.exception
    assert "test.broken: this is broken; mend it" in caplog.text
    assert app.segmented_control(key="inspect-source").value == "sample"


def test_a_refused_file_is_one_sentence_and_the_network_stays(app, states):
    before = network(app).value
    bring(app, "cat.pth", b"no weights at all")
    assert network(app).value == before
    assert len(app.error) == 1
    assert app.error[0].value.startswith("cat.pth was not accepted: ")
    menu = app.sidebar.get("popover")[0]
    assert [said.value for said in menu.get("error")] == [app.error[0].value]
    bring(app, "best.pth", states[0])
    assert not app.error


def test_weights_of_other_code_are_refused_with_what_the_operator_can_do(app):
    file = io.BytesIO()
    torch.save({"head.weight": torch.zeros(2, 3), "head.bias": torch.zeros(2)}, file)
    bring(app, "other.pth", file.getvalue())
    (error,) = app.error
    said = error.value.replace("\\", "")
    assert "is shown by the operator: cbam app --model package.module:factory --weights best.pth" in said
    assert "load_classifier" not in said


def test_the_same_file_twice_is_one_network(app, states):
    bring(bring(app, "best.pth", states[0]), "again.pth", states[0])
    assert len(network(app).options) == len({*network(app).options}) == 3
    assert network(app).value == "best"
    assert app.info[0].value == "again.pth is the same file as best, so best was selected."


def test_a_name_that_is_taken_gets_a_number(app, states):
    bring(bring(app, "cbam_cnn_cifar10.pth", states[0]), "cbam_cnn_cifar10.pth", states[1])
    assert network(app).value == "cbam_cnn_cifar10-3"


def test_there_may_be_so_many_and_no_more(app, states):
    for number, state in enumerate(states[: own_networks.MOST]):
        bring(app, f"net{number}.pth", state)
    assert not [box for box in app.sidebar.file_uploader if "checkpoint" in box.label]
    assert any("remove one" in caption.value for caption in app.sidebar.caption)


def test_removing_goes_back_to_the_shipped_network_and_can_be_undone(app, states):
    bring(app, "best.pth", states[0])
    app.sidebar.button(key="own-remove").click().run()
    assert network(app).value == "cbam_cnn_cifar10"
    assert len(network(app).options) == 2
    app.sidebar.button(key="own-undo").click().run()
    assert network(app).value == "best"
    assert not app.exception


def test_another_visitor_does_not_see_it(app, states):
    bring(app, "best.pth", states[0])
    other = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert "best" not in " ".join(network(other).options)


def test_what_was_made_with_it_is_not_remembered_for_others(app, states, monkeypatch):
    @functools.wraps(pictures._shown_sample)
    def shared(*_):
        raise AssertionError("remembered for everybody")

    monkeypatch.setattr(pictures, "_shown_sample", shared)
    bring(app, "best.pth", states[0])


def open_model(app):
    go_to(app, "model").run()
    assert not app.exception
    return " ".join(element.value for element in [*app.markdown, *app.code])


def test_its_model_page_gives_a_command_that_its_owner_can_run(app, states):
    bring(app, "best.pth", states[0])
    said = open_model(app)
    assert "cbam evaluate --checkpoint FILE" in said
    assert "--keep" not in said
    assert "on your own machine" in said.lower()


def test_of_other_classes_it_is_not_said_that_they_could_be_counted(app):
    bring(app, "five.pth", saved(CBAM_CNN(num_classes=5)))
    said = open_model(app)
    assert "differ from those of the CIFAR-10 test set" in said
    assert "cbam evaluate" not in said


@pytest.mark.parametrize(
    ("classes", "said"), [(10, "needs this network's predictions"), (5, "differ from those of the test set")]
)
def test_the_test_set_says_why_it_cannot_be_filtered(app, test_set, classes, said):
    bring(app, "mine.pth", saved(CBAM_CNN(num_classes=classes)))
    app.segmented_control(key="inspect-source").select("test").run()
    assert not app.exception
    captions = " ".join(caption.value for caption in app.caption)
    assert said in captions
    assert "--keep" not in captions
