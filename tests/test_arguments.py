"""Arguments of another kind than is expected: one sentence, wherever they are given."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

import cbam_core
from cbam_core import CbamError
from cbam_core.arguments import FLAG, NUMBER, PATH, TEXT, TEXTS, WHOLE, WHOLES, check, list_of, takes
from cbam_core.atlas.building import build_atlas
from cbam_core.data.dataset import open_dataset, samples, thinned
from cbam_core.errors import AtlasError, CaptureError, DataError, EditError, ModelError
from cbam_core.evaluation.scoring import score
from cbam_core.evaluation.usual_gates import usual_gates
from cbam_core.evidence import attribute
from cbam_core.evidence.objects import object_tests
from cbam_core.evidence.scoring import score_gates
from cbam_core.gates.audit.auditing import audit_network
from cbam_core.network import save_classifier
from cbam_core.results.explanations import Explanations
from tests.atlas import made_atlas

GATE = "cbam1.channel"


@pytest.mark.parametrize(
    ("kind", "fitting", "others"),
    [
        (WHOLE, [0, -1, np.int64(3), torch.tensor(3)], [True, 1.5, "1", None, [1], torch.tensor([1, 2])]),
        (NUMBER, [0, 1.5, np.float32(2)], [False, "1", None, 1j]),
        (TEXT, ["", "x"], [b"x", None, 5]),
        (TEXT.or_none, ["x", None], [5]),
        (
            TEXTS,
            [[], ["x"], ("x",), np.array(["x"])],
            ["x", [1], None, {"x": 1}, np.arange(3), range(3), np.array("x")],
        ),
        (TEXTS, [pa.array(["x"]), pa.chunked_array([["x"]])], [pa.array([1])]),
        (WHOLES, [[1], np.arange(3), range(3)], [5, [1.5], "12", np.zeros(3), np.zeros(3, bool), np.array(["x"])]),
        (FLAG, [True, False, np.True_, 0], [None, "yes", np.array([True]), [True]]),
        (list_of("two", WHOLE, 2), [(1, 2)], [(1,), (1, 2, 3)]),
        (WHOLE.or_else(WHOLES), [1, [1]], ["x", [None]]),
        (PATH, ["x"], [5, None]),
    ],
)
def test_kinds(kind, fitting, others):
    assert all(map(kind.fits, fitting))
    assert not any(map(kind.fits, others))


def test_the_sentence_says_what_is_expected_and_what_was_given():
    with pytest.raises(AtlasError, match=r"^image has to be a whole number; given 'x'$") as refused:
        check(AtlasError, "image", "x", WHOLE)
    assert refused.value.code == "argument.kind"
    others = {"a list": [1], "an array": np.zeros(3), "an object": object(), "a dict": {}, "<class 'int'>": int}
    for said, given in others.items():
        with pytest.raises(CbamError, match=f"given {said}$"):
            check(CbamError, "name", given, TEXT)


def test_a_function_is_checked_by_position_and_name_and_keeps_its_name_and_signature():
    @takes(DataError, count=WHOLE, name=TEXT.or_none)
    def drawn(count, *, name=None):
        """Draw."""
        return count, name

    assert (drawn(3), drawn(count=3, name="x")) == ((3, None), (3, "x"))
    assert (drawn.__name__, drawn.__doc__) == ("drawn", "Draw.")
    for call in (lambda: drawn("3"), lambda: drawn(count="3"), lambda: drawn(3, name=5)):
        with pytest.raises(DataError, match="has to be"):
            call()
    with pytest.raises(TypeError):  # as of any function
        drawn()


IMAGE = np.zeros((32, 32, 3), np.uint8)


def calls(classifier, atlas, explanation, folder):
    """Calls of public functions with an argument of another kind, and the error and the word that is expected."""
    model, some = classifier.model, thinned(samples(), 4)
    return [
        (lambda: atlas.neighbours(1.5), AtlasError, "image has to be the number of an image, or its id; given 1.5"),
        (lambda: atlas.neighbours(0, 5), AtlasError, "block has to be text, or None; given 5"),
        (lambda: atlas.top(GATE, 1.5), AtlasError, "channel has to be a whole number, or one for each axis"),
        (lambda: atlas.top(GATE, 0, "x"), AtlasError, "n has to be a whole number"),
        (lambda: atlas.top(None, 0), AtlasError, "gate has to be text; given None"),
        (lambda: atlas.profile([1]), AtlasError, "gate has to be text; given a list"),
        (lambda: atlas.values({}), AtlasError, "gate has to be text; given a dict"),
        (lambda: atlas.number_of(5), AtlasError, "name has to be text; given 5"),
        (lambda: atlas.numbers_of([1]), AtlasError, "names has to be a list of texts"),
        (lambda: atlas.thumbnails("x"), AtlasError, "images has to be a list of whole numbers"),
        (lambda: atlas.map(None), AtlasError, "method has to be text"),
        (lambda: atlas.compare(5), AtlasError, "other has to be another atlas"),
        (lambda: atlas.suspects(1.5), AtlasError, "n has to be a whole number; given 1.5"),
        (lambda: cbam_core.open_atlas(5), AtlasError, "folder has to be a path; given 5"),
        (lambda: build_atlas(None, some, folder), AtlasError, "classifier has to be a loaded network"),
        (lambda: build_atlas(classifier, [IMAGE], folder), AtlasError, "dataset has to be a set of images"),
        (lambda: build_atlas(classifier, some, 5), AtlasError, "folder has to be a path"),
        (lambda: cbam_core.explain(classifier, IMAGE, edits=5), ModelError, "edits has to be a mapping of names of"),
        (lambda: cbam_core.explain(classifier, IMAGE, 5), ModelError, "fit has to be text; given 5"),
        (lambda: cbam_core.explain(classifier, IMAGE, "square", square=[1]), ModelError, "square has to be left, top"),
        (lambda: cbam_core.explain(classifier, IMAGE, usual=5), DataError, "usual has to be usual values, their file"),
        (lambda: cbam_core.load_classifier(5), CbamError, "source has to be a checkpoint"),
        (lambda: cbam_core.capture(None), CaptureError, "model has to be a network, an nn.Module; given None"),
        (lambda: cbam_core.edit("x", {}), EditError, "model has to be a network"),
        (lambda: cbam_core.edit(model, 5), EditError, "edits has to be a mapping of names of gates"),
        (lambda: cbam_core.edit(model, {5: cbam_core.Off()}), EditError, "edits has to be a mapping of names of gates"),
        (lambda: cbam_core.edit(model, usual=5), EditError, "usual has to be usual values"),
        (lambda: cbam_core.Borrowed(5), EditError, "source has to be a record of capture, an explanation, or"),
        (
            lambda: cbam_core.consequences(classifier, IMAGE, replacements=5),
            EditError,
            "replacements has to be a mapping",
        ),
        (lambda: cbam_core.consequences(classifier, IMAGE, only="usual"), EditError, "only has to be a list or set"),
        (lambda: cbam_core.trace_gate(classifier, IMAGE, 5), CaptureError, "gate has to be text; given 5"),
        (lambda: attribute(classifier, IMAGE, methods=5), ModelError, "methods has to be a list or set of texts"),
        (lambda: object_tests(classifier, [IMAGE], 5), ModelError, "tests has to be a list or set of texts"),
        (lambda: cbam_core.figure_grid(5), CbamError, "explanations has to be a list of explanations"),
        (lambda: cbam_core.figure_grid([explanation], truths=5), CbamError, "truths has to be a list of names"),
        (lambda: explanation.figure(truth=5), CbamError, "truth has to be text, or None"),
        (lambda: explanation.figure(original=[1]), CbamError, "original has to be a NumPy array, or None"),
        (lambda: explanation.save(None), CbamError, "folder has to be a path; given None"),
        (lambda: Explanations([explanation]).report(5), CbamError, "path has to be a path; given 5"),
        (lambda: cbam_core.insert_cbam(None, "0"), ModelError, "model has to be a network"),
        (lambda: cbam_core.insert_cbam(nn.Sequential(nn.Conv2d(3, 32, 3)), 5), ModelError, "where has to be names"),
        (lambda: cbam_core.insert_cbam(nn.Conv2d(3, 32, 3), "0", size=[1]), ModelError, "size has to be a side"),
        (lambda: cbam_core.remove_cbam(5), ModelError, "model has to be a network"),
        (lambda: cbam_core.CBAM("32"), ModelError, "in_channels has to be a whole number; given '32'"),
        (lambda: cbam_core.ChannelAttention(32, 1.5), ModelError, "ratio has to be a whole number; given 1.5"),
        (lambda: cbam_core.SpatialAttention(None), ModelError, "kernel_size has to be a whole number"),
        (lambda: cbam_core.CBAM_CNN("10"), ModelError, "num_classes has to be a whole number"),
        (lambda: cbam_core.log_gates(model, [1], None, 0), CaptureError, "batch has to be a tensor"),
        (lambda: cbam_core.log_gates(model, torch.zeros(1, 3, 32, 32), None, 0), CaptureError, "writer has to be an"),
        (lambda: cbam_core.random_images(5, 1), DataError, "dataset has to be a set of images"),
        (lambda: cbam_core.random_images(some, "1"), DataError, "count has to be a whole number"),
        (lambda: thinned(some, 1.5), DataError, "count has to be a whole number; given 1.5"),
        (lambda: open_dataset(None), DataError, "source has to be a path; given None"),
        (lambda: score(None, some), ModelError, "classifier has to be a loaded network"),
        (lambda: score(model, some), ModelError, "classifier has to be a loaded network"),
        (lambda: score(classifier, "samples"), ModelError, "dataset has to be a set of images, as open_dataset"),
        (lambda: score_gates(None, some), ModelError, "classifier has to be a loaded network"),
        (lambda: usual_gates(classifier, None), DataError, "dataset has to be a set of images"),
        (lambda: audit_network(None, (32, 32)), ModelError, "model has to be a network"),
        (lambda: audit_network(model, 32), ModelError, r"input_size has to be \(width, height\) in pixels"),
        (lambda: save_classifier(None, folder / "a"), CbamError, "classifier has to be a loaded network"),
    ]


def test_every_public_function_says_what_it_takes(tiny_classifier, tmp_path):
    atlas = made_atlas.atlas()
    explanation = cbam_core.explain(tiny_classifier, IMAGE)
    for number, (call, kind, said) in enumerate(calls(tiny_classifier, atlas, explanation, tmp_path)):
        with pytest.raises(CbamError, match=said) as refused:
            call()
        assert type(refused.value) is kind or kind is CbamError, number
    assert list(tmp_path.iterdir()) == []


def test_a_path_of_a_checkpoint_may_be_text(tiny_classifier, tmp_path):
    save_classifier(replace(tiny_classifier), str(tmp_path / "a.safetensors"))
    assert (tmp_path / "a.safetensors").exists()


PROGRAM = """
import numpy as np
from cbam_core import CbamError, Comparison, Only, OtherImage, SameClass, Shuffled, Off, consequences, explain
from cbam_core import open_atlas

atlas = open_atlas("cbam_cnn_cifar10")
assert list(atlas.select({"class": np.array("cat")})) == list(atlas.select({"class": "cat"}))
assert atlas.top("cbam1.spatial", np.array([3, 5])).column == "cbam1.spatial[3,5]"
image = np.zeros((32, 32, 3), np.uint8)
for call in (
    lambda: Shuffled("x"),
    lambda: OtherImage(5),
    lambda: SameClass("x"),
    lambda: Only(Off(), 5),
    lambda: Only(Off(), cells=[5]),
    lambda: Comparison(5, None),
    lambda: consequences("cbam_cnn_cifar10", image, replacements={"x": 5}),
    lambda: explain("cbam_cnn_cifar10", image).figure(width="x"),
    lambda: atlas.select([[1, 2], [3]]),
    lambda: atlas.find(5),
    lambda: atlas.top("cbam1.channel", np.array([0.5])),
    lambda: atlas.top("cbam1.channel", 0, lowest=np.ones(2)),
):
    try:
        call()
    except CbamError as error:
        print(type(error).__name__, error)
"""


def test_fields_of_dataclasses_are_checked_too(interpreter):
    """In a Python without the checks of types that tests have, which would be first."""
    done = interpreter.run(PROGRAM)
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        "EditError seed has to be a whole number; given 'x'",
        "EditError order has to be a list of whole numbers, or None; given 5",
        "EditError labels has to be a list of whole numbers; given 'x'",
        "EditError channels has to be a list of whole numbers, or None; given 5",
        "EditError cells has to be a list of places, (row, column) for each, or None; given a list",
        "CbamError left has to be an explanation, as explain returns it; given 5",
        "EditError gate 'x' is replaced by a replacement such as Usual() or Off(); given 5",
        "RenderError width has to be a number; given 'x'",
        "AtlasError images of a slice are numbers from 0 to 99, or 100 times yes or no",
        "AtlasError names has to be a list of texts; given 5",
        "AtlasError channel has to be a whole number, or one for each axis such as (3, 5); given an array",
        "AtlasError lowest has to be True or False; given an array",
    ]
