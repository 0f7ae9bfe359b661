"""Gates in code that a capture cannot follow: one sentence says so."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cbam_core import capture
from cbam_core.errors import CaptureError
from cbam_core.gates.operations import watch
from tests.gates.foreign import captured, images, seeded
from tests.gates.test_naming import ChannelPart

Product = Callable[[nn.Module, Tensor], Tensor]


def scripted_product(x: Tensor, gate: Tensor) -> Tensor:
    return x * gate


with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    SCRIPTED = torch.jit.script(scripted_product)


class Hiding(nn.Module):
    """A gate whose product is a function of its own."""

    def __init__(self, product: Product) -> None:
        super().__init__()
        self.stem, self.part, self.product = nn.Conv2d(3, 4, 1), ChannelPart(4), product

    def forward(self, x: Tensor) -> Tensor:
        return self.product(self.part, self.stem(x))


def _each(part: nn.Module, x: Tensor) -> Tensor:
    return torch.vmap(lambda one: (one[None] * part(one[None]))[0])(x)


HIDDEN = {
    "a scripted function": (lambda part, x: SCRIPTED(x, part(x)), "torch.jit.script"),
    "torch.vmap": (lambda part, x: torch.vmap(torch.mul)(x, part(x)), "torch.vmap"),
    "torch.vmap around the gate": (_each, "torch.vmap"),
}


@pytest.mark.parametrize(("product", "named"), HIDDEN.values(), ids=HIDDEN)
def test_the_reason_names_the_code_that_hides_the_product(product: Product, named: str) -> None:
    model = seeded(lambda: Hiding(product))
    plain = model(images())
    with capture(model) as record:
        output = model(images())
    assert torch.equal(output, plain)
    assert record.gates == ()
    assert named in str(record.why_none)


def test_a_network_that_torch_follows_has_no_word_about_hidden_code() -> None:
    with capture(
        model := seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 1), Hiding(lambda part, x: part(x)).part))
    ) as record:
        model(images())
    assert record.gates == ()
    assert "followed, such as" not in str(record.why_none)


@pytest.mark.parametrize(("compiles", "code"), [(True, "capture.unsteady-or-compiled"), (False, "capture.unsteady")])
def test_a_forward_that_is_never_as_it_was_says_what_may_be_compiled(
    compiles: bool, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flips = iter([True, False] * 8)

    class Flipping(Hiding):
        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return x * self.part(x) if next(flips) else x + self.part(x)

    modules = {**({"torch._dynamo": torch} if compiles else {})}
    monkeypatch.setattr(watch, "sys", type("sys", (), {"modules": modules}))
    with pytest.raises(CaptureError) as caught:
        captured(seeded(lambda: Flipping(lambda part, x: x)).train(), images())
    assert caught.value.message.code == code
