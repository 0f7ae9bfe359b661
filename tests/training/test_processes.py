"""Several processes that share every batch, against one that learns it in as many pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.interpreter import Interpreter

IMPORTS = """
import accelerate, sys, torch
import torch._dynamo  # what an optimizer would import, in each process
from pathlib import Path
from torch import nn
from cbam_core.data.samples import sample_sheet
from cbam_core.nn import CBAM, CBAM_CNN
from cbam_core.training.images import Images
from cbam_core.training.loop import Learner, find_devices, fit
from cbam_core.training.recipes import Recipe
from cbam_core.training.callbacks import Callback
from tests.training.conftest import prepare
"""

SCRIPT = """
class Counting(Callback):
    told = 0
    def epoch(self, model, history):
        self.told += 1

torch.set_num_threads(1)
folder, pieces = Path(sys.argv[1]), int(sys.argv[2])
sheet = sample_sheet()
images = Images.from_arrays(sheet.images, sheet.labels)
accelerator = find_devices()
sizes = {"epochs": 2, "batch_size": 16, "validation": 20}
recipe = Recipe(name="test", **sizes, learning_rate=0.05, bfloat16=False, brightness=0.2, pasted=0.5, alternating=True)
for kind in ("plain", "cbam"):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), CBAM(16), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(1024, 10)]
    model, callback = nn.Sequential(*layers) if kind == "plain" else CBAM_CNN(), Counting()
    where = {"folder": folder / kind, "accelerator": accelerator, "pieces": pieces}
    history = fit(Learner(model, prepare), images, recipe, callback=callback, **where)
    if accelerator.is_main_process:
        torch.save({"model": model.state_dict(), "losses": history.losses, "told": callback.told,
                    "processes": accelerator.num_processes,
                    "accuracy": [e.validation_accuracy for e in history.epochs]}, folder / f"{kind}.pt")
    else:
        assert callback.told == 0
"""

BOTH = """
import runpy
from torch.distributed.run import main
script, one, two = sys.argv[1:]
main(["--standalone", "--nproc_per_node=2", "--start-method=fork", "--run-path", script, two, "1"])
sys.argv = [script, one, "2"]
runpy.run_path(script, run_name="__main__")
"""
"""Two processes of torchrun learn one part of each batch, one learns both pieces; all find imported what they need."""

Results = dict[str, dict[str, object]]
"""What came of a network without and of one with batch statistics."""


@pytest.fixture(scope="module")
def both(interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Results]:
    script, one, two = (tmp_path_factory.mktemp(name) for name in ("script", "one", "two"))
    script /= "script.py"
    script.write_text(IMPORTS + SCRIPT)
    interpreter.succeeds(IMPORTS + BOTH, script, one, two, cwd=Path(__file__).parents[2])
    first, second = ({kind: torch.load(at / f"{kind}.pt") for kind in ("plain", "cbam")} for at in (one, two))
    return first, second


@pytest.fixture(scope="module")
def one(both: tuple[Results, Results]) -> Results:
    return both[0]


@pytest.fixture(scope="module")
def two(both: tuple[Results, Results]) -> Results:
    return both[1]


def test_two_processes_learn_exactly_what_one_does(one: Results, two: Results) -> None:
    one, two = one["plain"], two["plain"]
    assert (one["processes"], two["processes"]) == (1, 2)
    for name, tensor in one["model"].items():
        assert torch.equal(tensor, two["model"][name]), name
    assert one["losses"] == pytest.approx(two["losses"], abs=1e-6)
    assert one["accuracy"] == two["accuracy"]


def test_one_process_speaks_for_all(two: Results) -> None:
    assert two["plain"]["told"] == 2


def test_batch_statistics_of_pieces_cost_the_network_little(one: Results, two: Results) -> None:
    one, two = one["cbam"], two["cbam"]
    assert sum(two["losses"][-5:]) / 5 == pytest.approx(sum(one["losses"][-5:]) / 5, abs=0.6)
