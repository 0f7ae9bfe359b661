import pytest
import torch

from cbam_core.errors import TrainingError
from cbam_core.training.images import Images


def test_held_out_images_are_the_same_every_time_and_never_trained_on(images: Images) -> None:
    kept, held = images.held_out(20)
    again = images.held_out(20)[1]
    assert torch.equal(held.pixels, again.pixels)
    seen = {pixels.numpy().tobytes() for pixels in kept.pixels}
    assert not seen & {pixels.numpy().tobytes() for pixels in held.pixels}
    assert len(kept.labels) + len(held.labels) == 100


def test_holding_everything_out_is_refused(images: Images) -> None:
    with pytest.raises(TrainingError, match="holding 100 images out leaves none of the 100"):
        images.held_out(100)
