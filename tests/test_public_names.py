"""The names that users rely on: there, sorted, and free until they are used."""

import subprocess
import sys

import pytest

import cbam_core


def in_fresh_python(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_all_is_sorted_and_complete():
    assert cbam_core.__all__ == sorted(cbam_core.__all__)
    assert set(cbam_core.__all__) == {
        "AsIs",
        "BestConstant",
        "Borrowed",
        "CBAM",
        "CBAM_CNN",
        "CbamError",
        "ChannelAttention",
        "Classifier",
        "Comparison",
        "Explanation",
        "Inverted",
        "Off",
        "Only",
        "OtherImage",
        "OwnMean",
        "SameClass",
        "Scaled",
        "Shuffled",
        "SpatialAttention",
        "Usual",
        "UsualLevel",
        "Values",
        "__version__",
        "capture",
        "consequences",
        "edit",
        "explain",
        "figure_grid",
        "insert_cbam",
        "load_classifier",
        "log_gates",
        "open_atlas",
        "random_images",
        "remove_cbam",
        "trace_gate",
    }


@pytest.mark.parametrize("name", cbam_core.__all__)
def test_every_name_can_be_imported_and_is_listed(name):
    assert getattr(cbam_core, name) is not None
    assert name in dir(cbam_core)


@pytest.mark.parametrize("name", [name for name in cbam_core.__all__ if name != "__version__"])
def test_every_name_is_the_one_that_its_room_defines(name):
    value = getattr(cbam_core, name)
    assert value.__name__ == name
    assert getattr(sys.modules[value.__module__], name) is value


def test_functions_are_functions_and_not_packages():
    # A room of the same name would replace the function as soon as anybody imported the room.
    functions = ("capture", "consequences", "edit", "explain", "figure_grid", "load_classifier", "random_images")
    for name in (*functions, "trace_gate"):
        assert callable(getattr(cbam_core, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'explian'"):
        cbam_core.explian  # noqa: B018


def test_importing_the_library_imports_nothing_heavy():
    loaded = in_fresh_python("import cbam_core, sys; dir(cbam_core); print(*sys.modules)")
    assert not {"torch", "numpy", "PIL", "streamlit"} & set(loaded)


def test_errors_do_not_need_torch():
    loaded = in_fresh_python("from cbam_core import CbamError, __version__; import sys; print(*sys.modules)")
    assert "torch" not in loaded


def test_star_import_gives_the_public_names(interpreter):
    given = interpreter.succeeds("from cbam_core import *; print(*dir())").split()
    assert set(cbam_core.__all__) <= set(given)


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert cbam_core.__version__ == version("cbam-lens")
