"""The notebook in the documents: its cells run, and it holds what they give."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

from tests.report.reading import read

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_notebook", ROOT / "docs" / "make_notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(STORED, as_version=4)


@pytest.fixture(scope="module")
def ran(maker, tmp_path_factory):
    """Cells of the notebook and of the lesson after they ran in one kernel, which forgot the first ones."""
    first, own = maker.CELLS[:4], maker.CELLS[8:10]
    cells = (*first, *own, "", "%reset -f", *maker.LESSON[:4])
    book = maker.run(maker.notebook(cells), tmp_path_factory.mktemp("kernel"))
    return book.cells[:6], book.cells[8:]


def html_of(cells):
    outputs = (output for cell in cells for output in cell.get("outputs", ()))
    return [output.data["text/html"] for output in outputs if "text/html" in output.get("data", ())]


def test_the_stored_notebook_has_the_cells_of_its_program(maker, stored):
    nbformat.validate(stored)
    assert [cell.source for cell in stored.cells] == list(maker.CELLS), "run make notebook"
    assert {cell.cell_type for cell in stored.cells[1::2]} == {"code"}


@pytest.mark.filterwarnings("default")  # of the kernel's libraries
def test_its_first_cells_run_in_a_kernel_and_give_the_stored_summary(ran, stored):
    cells, _ = ran
    output, own = html_of(cells)
    assert read(output).words == read(html_of(stored.cells)[0]).words
    assert "frog" in read(output).words
    assert "Attention(nn.Module)" in cells[5].source
    assert "cbam3" in read(own).words
    printed = cells[3].outputs[0].text
    assert printed.startswith("cbam1.channel")
    assert printed.count("\n") == 6


@pytest.mark.parametrize("name", ["day-50.ipynb", "day-50.zh-CN.ipynb"])
def test_the_lesson_has_the_cells_of_its_program_and_what_they_gave(maker, name):
    book = nbformat.read(ROOT / "docs" / name, as_version=4)
    nbformat.validate(book)
    assert [cell.source for cell in book.cells] == list(maker.NOTEBOOKS[name]), "run make notebook"
    assert len(book.cells) == len(maker.LESSON)
    (output,) = html_of(book.cells)
    assert len(output) < 1_000_000
    assert "frog" in read(output).words
    printed = [out.text for cell in book.cells for out in cell.get("outputs", ()) if "text" in out]
    assert printed[0] == "same output, bit for bit: True\n"


@pytest.mark.filterwarnings("default")  # of the kernel's libraries
def test_the_lessons_first_cells_run_in_a_kernel(ran):
    _, cells = ran
    printed = [out.get("text") or out["data"]["text/plain"] for cell in cells for out in cell.get("outputs", ())]
    assert printed[0] == "same output, bit for bit: True\n"
    assert printed[1].startswith("4 CBAM blocks, 43,916 parameters")
    assert printed[2].count("\n") == 8


def test_every_output_is_small_and_loads_nothing(stored):
    outputs = html_of(stored.cells)
    assert len(outputs) >= 2
    assert STORED.stat().st_size < 2_000_000
    for output in outputs:
        assert len(output) < 1_000_000
        assert all(found["src"].startswith("data:image/") for found in read(output).attributes("img"))
        assert len(read(output).attributes("iframe")) == 1
