"""Rectangles of other images, against torchvision's, and the targets that go with them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torchvision.transforms import v2

from cbam_core.training.cutmix import Targets, draw_patches, paste
from cbam_core.training.images import Images


def drawn(chance: float = 1.0, batch: int = 4000) -> torch.Tensor:
    return draw_patches(chance, batch, (32, 32), torch.Generator().manual_seed(0))


def test_pasting_is_torchvisions(images: Images) -> None:
    pixels, labels = images.pixels.float() / 255, images.labels
    theirs = v2.CutMix(num_classes=10)
    for top, left, bottom, right in ((0, 0, 32, 32), (4, 10, 20, 31), (7, 7, 7, 7)):
        share = 1 - (bottom - top) * (right - left) / 32**2
        values = {"labels": labels, "batch_size": len(pixels), "box": (left, top, right, bottom), "lam_adjusted": share}
        patches = torch.tensor([[top, left, bottom, right]]).expand(len(pixels), 4)
        assert torch.equal(paste(pixels, pixels.roll(1, 0), patches), theirs.transform(pixels, values))
        targets = Targets.pasted(labels, labels.roll(1), patches, (32, 32))
        assert targets.others is not None
        assert targets.kept is not None
        ours = targets.kept[:, None] * functional.one_hot(labels, 10)
        ours = ours + (1 - targets.kept[:, None]) * functional.one_hot(targets.others, 10)
        torch.testing.assert_close(ours, theirs.transform(labels, values))


def test_each_image_has_its_own_rectangle() -> None:
    patches = torch.tensor([[0, 0, 2, 3], [1, 2, 4, 4], [2, 2, 2, 4]])
    found = paste(torch.zeros(3, 1, 4, 4), torch.ones(3, 1, 4, 4), patches)[:, 0]
    expected = torch.zeros(3, 4, 4)
    expected[0, 0:2, 0:3] = 1
    expected[1, 1:4, 2:4] = 1
    assert torch.equal(found, expected)


def test_rectangles_lie_within_the_image_and_reach_every_corner() -> None:
    top, left, bottom, right = drawn().unbind(dim=1)
    assert (top.min(), left.min(), bottom.max(), right.max()) == (0, 0, 32, 32)
    assert (top <= bottom).all()
    assert (left <= right).all()
    area = (bottom - top) * (right - left) / 32**2
    assert area.max() > 0.8
    assert 0.25 < area.mean() < 0.4  # a half before what lies outside is cut off


@pytest.mark.parametrize("chance", [0.0, 0.3])
def test_so_many_images_get_one(chance: float) -> None:
    top, _, bottom, _ = drawn(chance).unbind(dim=1)
    assert ((bottom > top).float().mean() - chance).abs() < 0.05


def test_loss_and_right_answers_go_by_the_shares() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.5, 0.0]])
    targets = Targets(torch.tensor([0, 0]), torch.tensor([1, 1]), torch.tensor([0.75, 0.25]))
    soft = torch.tensor([[0.75, 0.25, 0.0], [0.25, 0.75, 0.0]])
    torch.testing.assert_close(targets.loss(logits, 0.1), functional.cross_entropy(logits, soft, label_smoothing=0.1))
    assert targets.right(logits) == 2
    assert Targets(torch.tensor([0, 0])).right(logits) == 1
