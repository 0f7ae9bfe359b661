"""Whatever the file, loading gives a network or says in one sentence why not, in bounded time and memory."""

import json
import struct
from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cbam_core.errors import CheckpointError
from cbam_core.network import Classifier, load_classifier
from tests.corpus.checkpoints import described, description, network, safetensors_file, saved
from tests.corpus.hostile_checkpoints import hostile_checkpoints
from tests.mutation import bounded, edits, mutated

MEMORY = 400
"""MB: a file, its copy, and the network that it becomes, several times over."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["F32", "I64", "U8", "CBAM_CNN", "CBAM_ResNet", "__metadata__", "../../etc/passwd", "x" * 5000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@cache
def good():
    return described(description())


@cache
def parts():
    """Header and tensors of a good file."""
    content = good()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


@cache
def state_dict():
    return saved(network().state_dict())


@cache
def hostile():
    return sorted(hostile_checkpoints(), key=lambda file: file.name)


@pytest.fixture(scope="module", autouse=True)
def _loaded_once():
    """Peaks of memory are looked at: what loading needs anyway has been needed before."""
    load_classifier(good())
    load_classifier(state_dict())


def assert_network_or_sentence(content):
    classifier = refusal = None
    with bounded(MEMORY):
        try:
            classifier = load_classifier(content)
        except CheckpointError as error:
            refusal = error
    if refusal is not None:
        assert refusal.code.startswith(("checkpoint.", "model."))  # the latter: arguments that the network refuses
        assert 10 < len(str(refusal)) < 1000
        assert "\n" not in str(refusal)
        return
    assert isinstance(classifier, Classifier)
    assert all(torch.isfinite(tensor).all() for tensor in classifier.model.state_dict().values())


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(value, path, new):
    """A JSON value with another value at one place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


@given(data=st.data(), new=JSON)
def test_a_safetensors_header_with_anything_at_any_place(data, new):
    header, body = parts()
    path = data.draw(st.sampled_from(sorted(places(header), key=str)))
    assert_network_or_sentence(safetensors_file(changed(header, path, new), body))


@given(data=st.data(), new=JSON)
def test_a_description_with_anything_at_any_place(data, new):
    record = description()
    path = data.draw(st.sampled_from(sorted(places(record), key=str)))
    assert_network_or_sentence(described(changed(record, path, new)))


@given(text=st.text(max_size=200) | JSON.map(json.dumps))
def test_a_header_that_is_any_text(text):
    assert_network_or_sentence(safetensors_file(text.encode("utf-8", "surrogatepass")))


@given(changes=edits(furthest=20_000))
def test_a_damaged_safetensors_file(changes):
    assert_network_or_sentence(mutated(good(), changes))


@given(changes=edits())
def test_a_damaged_state_dict(changes):
    assert_network_or_sentence(mutated(state_dict(), changes))


@given(changes=edits(), from_end=st.integers(20, 3000))
def test_a_state_dict_with_a_damaged_directory(changes, from_end):
    content = state_dict()
    assert_network_or_sentence(content[:-from_end] + mutated(content[-from_end:], changes))


@given(data=st.data(), changes=edits())
def test_a_hostile_file_that_was_damaged_too(data, changes):
    file = data.draw(st.sampled_from(hostile()))
    assert_network_or_sentence(mutated(file.content, changes))
