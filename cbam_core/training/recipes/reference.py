"""The course's recipe, setting by setting, with two corrections."""

from cbam_core.training.recipes.recipe import Recipe

REFERENCE = Recipe(
    name="reference",
    epochs=50,  # the course's
    batch_size=64,  # the course's
    optimiser="adam",
    learning_rate=1e-3,
    schedule="plateau",  # patience 3, factor 0.5, as there; but by the validation loss, not the test loss
    weight_decay=0.0,  # the course has none
    crop_padding=4,
    flip=True,
    brightness=0.2,  # the course's colour jitter
    contrast=0.2,
    saturation=0.2,
    hue=0.1,
    rotation=15.0,  # the course's, nearest pixel, black corners
    bfloat16=False,
    validation=5000,
    keep="last",
)
"""The course calls ``model.train()`` once, before the first epoch, and its first evaluation leaves the network in eval
mode: from the second epoch on it trains with frozen batch statistics and without dropout. The loop here returns to
training mode in every epoch."""
