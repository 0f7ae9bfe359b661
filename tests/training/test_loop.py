import math

import numpy as np
import pytest
import torch

from cbam_core.data.samples import sample_sheet
from cbam_core.errors import TrainingError
from cbam_core.nn import CBAM_CNN
from cbam_core.training.batches import normalise, random_crop, random_flip, shuffled
from cbam_core.training.loop import Images, evaluate, fit, one_cycle, parameter_groups
from cbam_core.training.recipes import Recipe

RECIPE = Recipe(name="test", epochs=2, batch_size=16, learning_rate=0.05, validation=20, bfloat16=False)


def prepare(pixels):
    return normalise(pixels, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture
def images():
    sheet = sample_sheet()
    return Images.from_arrays(sheet.images, sheet.labels)


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CBAM_CNN()


def weights(model):
    return torch.cat([tensor.flatten().double() for tensor in model.state_dict().values()])


def test_two_epochs_lower_the_loss_and_report_each_epoch(images, tmp_path):
    reported = []
    history = fit(network(), images, RECIPE, prepare=prepare, folder=tmp_path, report=reported.append)
    assert reported == history
    assert [epoch.number for epoch in history] == [1, 2]
    assert history[1].train_loss < history[0].train_loss


def test_one_seed_gives_one_network(images, tmp_path):
    first, second = network(), network()
    fit(first, images, RECIPE, prepare=prepare, folder=tmp_path / "a")
    fit(second, images, RECIPE, prepare=prepare, folder=tmp_path / "b")
    assert torch.equal(weights(first), weights(second))


def test_a_stopped_run_goes_on_to_the_same_weights(images, tmp_path):
    whole, stopped, resumed = network(), network(), network(seed=9)
    fit(whole, images, RECIPE, prepare=prepare, folder=tmp_path / "a")

    def stop(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(stopped, images, RECIPE, prepare=prepare, folder=tmp_path / "b", report=stop)
    history = fit(resumed, images, RECIPE, prepare=prepare, folder=tmp_path / "b", resume=True)
    assert len(history) == 2
    assert torch.equal(weights(whole), weights(resumed))


def test_resuming_another_recipe_is_refused(images, tmp_path):
    fit(network(), images, RECIPE, prepare=prepare, folder=tmp_path)
    other = Recipe(name="test", epochs=2, batch_size=16, learning_rate=0.1, validation=20, bfloat16=False)
    with pytest.raises(TrainingError, match="another recipe"):
        fit(network(), images, other, prepare=prepare, folder=tmp_path, resume=True)


def test_a_loss_that_is_no_number_ends_the_run(images, tmp_path):
    with pytest.raises(TrainingError, match="smaller learning rate"):
        fit(network(), images, RECIPE, prepare=lambda pixels: prepare(pixels) * math.nan, folder=tmp_path)


@pytest.mark.parametrize(("name", "value"), [("epochs", 0), ("learning_rate", -1.0), ("warmup", 1.0)])
def test_recipe_refuses_values_that_cannot_be(name, value):
    with pytest.raises(TrainingError, match=name):
        Recipe(**{"name": "bad", "epochs": 1, "learning_rate": 0.1, name: value})


def test_held_out_images_are_the_same_every_time_and_never_trained_on(images):
    kept, held = images.held_out(20)
    again = images.held_out(20)[1]
    assert torch.equal(held.pixels, again.pixels)
    seen = {pixels.numpy().tobytes() for pixels in kept.pixels}
    assert not seen & {pixels.numpy().tobytes() for pixels in held.pixels}
    assert len(kept.labels) + len(held.labels) == 100


def test_learning_rate_climbs_to_the_peak_and_ends_near_zero():
    rates = [one_cycle(step, 100, RECIPE) for step in range(100)]
    assert max(rates) == pytest.approx(RECIPE.learning_rate)
    assert rates.index(max(rates)) == pytest.approx(RECIPE.warmup * 100, abs=1)
    assert rates[-1] < RECIPE.learning_rate / 1000


def test_gates_norms_and_biases_do_not_decay():
    model = network()
    decayed, free = parameter_groups(model, 0.1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)] for p in decayed["params"]} == {
        f"{layer}.weight" for layer in ("conv1", "conv2", "conv3", "fc1", "fc2")
    }
    assert len(decayed["params"]) + len(free["params"]) == len(names)
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)


def test_random_crop_moves_each_image_by_whole_pixels_and_black_moves_in():
    images = (
        torch.arange(1, 1 + 5 * 3 * 6 * 6, dtype=torch.int64).remainder(251).add(1).to(torch.uint8).view(5, 3, 6, 6)
    )
    found = random_crop(images, 2, torch.Generator().manual_seed(3))
    shifts = set()
    for image, crop in zip(images, found, strict=True):
        padded = torch.nn.functional.pad(image, (2, 2, 2, 2))
        places = [(t, l) for t in range(5) for l in range(5) if torch.equal(padded[:, t : t + 6, l : l + 6], crop)]  # noqa: E741
        assert len(places) == 1
        shifts.update(places)
    assert len(shifts) > 1


def test_random_flip_mirrors_about_half_of_the_images():
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (200, 3, 4, 4), np.uint8))
    found = random_flip(images, torch.Generator().manual_seed(0))
    mirrored = [torch.equal(one, other.flip(2)) for one, other in zip(found, images, strict=True)]
    unchanged = [torch.equal(one, other) for one, other in zip(found, images, strict=True)]
    assert all(a or b for a, b in zip(mirrored, unchanged, strict=True))
    assert 70 < sum(mirrored) < 130


def test_an_epoch_is_every_full_batch_once():
    batches = list(shuffled(50, 16, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [16, 16, 16]
    assert len(torch.cat(batches).unique()) == 48


def test_evaluate_is_the_plain_definition(images, tiny_classifier):
    loss, accuracy = evaluate(tiny_classifier.model, images, prepare)
    with torch.no_grad():
        logits = tiny_classifier.model(prepare(images.pixels))
    assert loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, images.labels)), rel=1e-5)
    assert accuracy == int((logits.argmax(1) == images.labels).sum()) / 100
