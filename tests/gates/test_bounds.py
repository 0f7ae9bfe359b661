"""What is known of functions of torch is true of them, and a function that is not known needs one line."""

import pytest
import torch
from torch import nn

from cbam_core import capture
from cbam_core.gates.operations import bounds
from cbam_core.gates.operations.bounds import RISING, UNIT, WITHIN
from cbam_core.gates.operations.functions import name_of

NUMBERS = torch.linspace(-12, 12, 961, dtype=torch.float64)
LOWEST, HIGHEST = NUMBERS[0].item(), NUMBERS[-1].item()
SLACK = 1e-9


def of_torch(name):
    """The function of torch that has this name in the tables."""
    homes = (torch, nn.functional, torch.special, torch._C._nn)
    return next(getattr(home, name) for home in homes if hasattr(home, name))


@pytest.mark.parametrize("name", sorted({*RISING, *WITHIN}))
def test_the_values_of_a_known_function_lie_where_the_table_says(name):
    values = of_torch(name)(NUMBERS)
    known = ~values.isnan()
    low, high = WITHIN[name] if name in WITHIN else (RISING[name](LOWEST), RISING[name](HIGHEST))
    assert low - SLACK <= values[known].min()
    assert values[known].max() <= high + SLACK
    if name in RISING:
        assert (values[known].diff() >= -SLACK).all()


@pytest.mark.parametrize("name", sorted(RISING))
def test_a_rising_function_takes_any_number(name):
    assert RISING[name](float("-inf")) < RISING[name](float("inf"))


class PixelAttention(nn.Module):
    """A gate for each element, by a function that no table knows."""

    def __init__(self):
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.stem(x).relu()
        return x * torch.special.i0e(self.conv(x))


def test_one_line_makes_a_function_known_as_contributing_says(monkeypatch):
    monkeypatch.delitem(bounds.WITHIN, "i0e", raising=False)
    torch.manual_seed(0)
    model, image = PixelAttention().eval(), torch.randn(1, 3, 8, 8)
    with torch.no_grad(), capture(model) as record:
        model(image)
    assert not record.gates
    assert "the factor has no squash" in record.why_none
    monkeypatch.setitem(bounds.WITHIN, "i0e", UNIT)
    again = PixelAttention().eval()
    with torch.no_grad(), capture(again) as record:
        again(image)
    assert [(gate.kind, gate.squashed) for gate in record.gates] == [("full", True)]


def test_functions_of_torch_special_have_the_names_of_their_twins():
    special = torch.special
    assert [name_of(one) for one in (special.expit, special.erf, special.softmax)] == ["sigmoid", "erf", "softmax"]
