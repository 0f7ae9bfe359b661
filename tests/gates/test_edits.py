"""Edits replace what multiplies the feature map, before it is recorded, for one thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cbam_core.gates import capture
from cbam_core.gates.edits import Edit, EditWatcher
from cbam_core.gates.finders import find_sites
from cbam_core.gates.sites import Site
from cbam_core.nn import CBAM_CNN

Look = Callable[[nn.Module], dict[str, Any]]


def edit_of(model: nn.Module, name: str, edit: Edit) -> dict[Site, Edit]:
    return {site: edit for site in find_sites(model) if site.name == name}


def test_a_block_of_ones_passes_its_input_on(model: CBAM_CNN, batch: Tensor) -> None:
    twin = CBAM_CNN(gates="none").eval()
    twin.load_state_dict(model.state_dict(), strict=False)
    ones: dict[Site, Edit] = dict.fromkeys(find_sites(model), torch.ones_like)
    with torch.inference_mode(), EditWatcher(model, ones):
        edited = model(batch)
    with torch.inference_mode():
        torch.testing.assert_close(edited, twin(batch), rtol=0, atol=0)


@pytest.mark.parametrize("outside", ["capture", "edit"])
def test_a_record_holds_the_edited_gate_whichever_was_opened_first(
    model: CBAM_CNN, batch: Tensor, hooks: Look, outside: str
) -> None:
    editing = EditWatcher(model, edit_of(model, "cbam2.spatial", torch.zeros_like))
    watching = capture(model)
    with torch.inference_mode():
        if outside == "capture":
            with watching as record, editing:
                model(batch)
        else:
            with editing, watching as record:
                model(batch)
    values = {gate.name: gate.values for gate in record.gates}
    assert not values["cbam2.spatial"].any()
    assert values["cbam1.spatial"].all()
    assert not any(hooks(model).values())


def test_an_edit_that_changes_nothing_changes_no_bit(model: CBAM_CNN, batch: Tensor) -> None:
    with torch.inference_mode():
        expected = model(batch)
        with EditWatcher(model, edit_of(model, "cbam1.channel", torch.clone)):
            assert torch.equal(model(batch), expected)


def test_other_threads_and_parts_alone_are_not_edited(model: CBAM_CNN, batch: Tensor) -> None:
    plain, part = model(batch), model.cbam1(torch.ones(1, 32, 4, 4))
    with EditWatcher(model, edit_of(model, "cbam1.channel", torch.zeros_like)), ThreadPoolExecutor(1) as pool:
        assert torch.equal(pool.submit(model, batch).result(), plain)
        assert torch.equal(model.cbam1(torch.ones(1, 32, 4, 4)), part)
        assert not torch.equal(model(batch), plain)
    assert torch.equal(model(batch), plain)
