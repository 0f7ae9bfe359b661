import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from cbam_core.errors import ModelError
from cbam_core.nn import ARCHITECTURES, CBAM_CNN, Architecture, build, register, registry
from cbam_core.nn.registry import (
    Argument,
    TensorSpec,
    assemble,
    expected_tensors,
    known_names,
    recognise,
    register_architecture,
)
from tests.corpus.checkpoints import network
from tests.interpreter import Interpreter

SHIPPED = known_names()
"""Networks of the folder, before a test registers others."""


@pytest.fixture
def toy() -> Iterator[Architecture]:
    """A second network, registered for one test."""
    architecture = Architecture(
        name="Toy",
        build=lambda width, kind: nn.Sequential(nn.Linear(width, 2), nn.ReLU()),
        arguments={"width": Argument(4, range(1, 9)), "kind": Argument("a", ("a", "b"))},
        input_size=(8, 8),
        sides=range(8, 9),
        infer=lambda shapes: {"width": shapes.get("0.weight", (0, 0))[1]},
    )
    register(architecture)
    yield architecture
    del ARCHITECTURES["Toy"]


def test_build_makes_the_network_with_defaults_and_arguments() -> None:
    assert isinstance(build("CBAM_CNN"), CBAM_CNN)
    assert build("CBAM_CNN", {"num_classes": 3}).get_submodule("fc2").out_features == 3


def test_unknown_name_lists_the_known_ones(toy: Architecture) -> None:
    known = ", ".join(sorted([*SHIPPED, "Toy"]))
    with pytest.raises(ModelError, match=f"no network named 'ResNet'; the known ones are {known}"):
        build("ResNet")


@pytest.mark.parametrize("value", [0, -1, 10_001, 10**15, True, 3.0, "10", None])
def test_class_counts_out_of_bounds_are_refused(value: Any) -> None:
    with pytest.raises(ModelError, match="whole numbers from 1 to 10000 for num_classes"):
        build("CBAM_CNN", {"num_classes": value})


def test_unknown_argument_is_refused() -> None:
    with pytest.raises(ModelError, match="no argument 'depth'; it takes num_classes"):
        build("CBAM_CNN", {"depth": 3})


def test_value_that_is_no_choice_is_refused(toy: Architecture) -> None:
    with pytest.raises(ModelError, match="takes one of a, b for kind; given 'c'"):
        build("Toy", {"kind": "c"})


def test_a_name_is_registered_once(toy: Architecture) -> None:
    with pytest.raises(ModelError, match="already registered"):
        register(toy)


def test_a_class_registers_itself_by_its_own_name() -> None:
    arguments = {"width": Argument(4, range(1, 9))}
    try:

        @register_architecture(arguments=arguments, input_size=(8, 8), sides=range(8, 9), infer=lambda _: {})
        class Own(nn.Linear):
            def __init__(self, width: int) -> None:
                super().__init__(width, 1)

        assert known_names() == tuple(sorted([*SHIPPED, "Own"]))
        assert build("Own", {"width": 5}).weight.shape == (1, 5)
        with pytest.raises(ModelError, match="already registered"):
            register_architecture(arguments=arguments, input_size=(8, 8), sides=range(8, 9), infer=lambda _: {})(Own)
    finally:
        ARCHITECTURES.pop("Own", None)


@pytest.mark.parametrize("module", ["cbam_core.nn.registry", "cbam_core.nn"])
def test_whoever_imports_the_registry_first_finds_the_shipped_networks_in_it(
    interpreter: Interpreter, module: str
) -> None:
    said = interpreter.succeeds(f"from {module} import ARCHITECTURES; print(*ARCHITECTURES)")
    assert sorted(said.split()) == [*SHIPPED]
    assert {"CBAM_CNN", "CBAM_ResNet"} <= set(SHIPPED)


def test_expected_tensors_are_those_of_the_real_network() -> None:
    real = {name: TensorSpec(tuple(t.shape), t.dtype) for name, t in CBAM_CNN(7).state_dict().items()}
    assert dict(expected_tensors("CBAM_CNN", {"num_classes": 7})) == real


def test_expected_tensors_are_found_without_allocating(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = []

    def spy(num_classes: int, gates: str) -> nn.Module:
        model = CBAM_CNN(num_classes, gates)
        devices.extend({tensor.device.type for tensor in model.state_dict().values()})
        return model

    spied = Architecture(**vars(ARCHITECTURES["CBAM_CNN"]) | {"build": spy})
    monkeypatch.setitem(registry.ARCHITECTURES, "CBAM_CNN", spied)
    expected_tensors("CBAM_CNN", {"num_classes": 10_000})
    assert devices == ["meta"]


def test_assembled_network_gives_the_same_logits_and_is_ready() -> None:
    original = network()
    copy = assemble("CBAM_CNN", {}, original.state_dict())
    tensors = [*copy.parameters(), *copy.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    assert all(parameter.requires_grad for parameter in copy.parameters())
    assert not any(module.training for module in copy.modules())
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(copy(x), original(x))


def test_assembling_does_not_reach_into_other_threads() -> None:
    begun, stop, devices = threading.Event(), threading.Event(), set()

    def allocate() -> None:
        while not stop.is_set():
            devices.add(torch.empty(1).device.type)
            begun.set()

    thread = threading.Thread(target=allocate)
    thread.start()
    assert begun.wait(60)
    for _ in range(20):
        assemble("CBAM_CNN", {}, network().state_dict())
    stop.set()
    thread.join()
    assert devices == {"cpu"}


def test_recognise_reads_the_class_count(toy: Architecture) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in CBAM_CNN(7).state_dict().items()}
    assert recognise(shapes) == (ARCHITECTURES["CBAM_CNN"], {"num_classes": 7})
    assert recognise({"0.weight": (2, 3), "0.bias": (2,)}) == (toy, {"width": 3})


def test_recognise_still_names_a_network_that_lacks_a_tensor() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in CBAM_CNN().state_dict().items()}
    del shapes["fc2.weight"]
    assert recognise(shapes) == (ARCHITECTURES["CBAM_CNN"], {})


def test_recognise_knows_when_it_does_not_know() -> None:
    assert recognise({}) is None
    assert recognise({"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 512)}) is None


def test_every_network_of_the_folder_is_registered_by_an_import_of_the_package(interpreter, tmp_path) -> None:
    (tmp_path / "tiny.py").write_text(
        "from torch import nn\n"
        "from cbam_core.nn.registry import register_architecture\n"
        "@register_architecture(arguments={}, input_size=(8, 8), sides=range(8, 9), infer=lambda shapes: {})\n"
        "class Tiny(nn.Module): pass\n"
    )
    program = (
        "import pkgutil\n"
        "found = pkgutil.iter_modules\n"
        f"pkgutil.iter_modules = lambda path, prefix='': (path.append({str(tmp_path)!r}), found(path, prefix))[1]\n"
        "from cbam_core.nn import known_names\n"
        "print(*known_names())"
    )
    assert interpreter.succeeds(program).split() == sorted([*SHIPPED, "Tiny"])
