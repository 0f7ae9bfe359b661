"""Results that hold arrays are told apart by identity: comparing arrays value by value has no single answer."""

import dataclasses
import importlib
import pkgutil
import re

import pytest

import cbam_core


def holders():
    for module in pkgutil.walk_packages(cbam_core.__path__, "cbam_core."):
        if "__main__" in module.name:
            continue
        for found in vars(importlib.import_module(module.name)).values():
            if not (isinstance(found, type) and dataclasses.is_dataclass(found) and found.__module__ == module.name):
                continue
            if any(re.search(r"ndarray|Tensor\b|Pixels", str(field.type)) for field in dataclasses.fields(found)):
                yield found


@pytest.mark.parametrize("kind", sorted(holders(), key=str), ids=lambda kind: kind.__name__)
def test_what_holds_arrays_can_be_compared_and_hashed(kind):
    assert kind.__eq__ is object.__eq__
    assert kind.__hash__ is object.__hash__
