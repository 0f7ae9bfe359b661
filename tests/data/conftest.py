import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def load_corpus() -> ModuleType:
    """The builders of odd and bad pictures; a module beside the tests, which are no package."""
    place = Path(__file__).parents[1] / "corpus_images.py"
    spec = importlib.util.spec_from_file_location("corpus_images", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def corpus() -> ModuleType:
    """The module `tests/corpus_images.py`."""
    return load_corpus()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for every picture of the corpus: `odd_name` and `bad_name` run through its names."""
    for argument, table in (("odd_name", "ODD"), ("bad_name", "BAD")):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, sorted(getattr(load_corpus(), table)))
