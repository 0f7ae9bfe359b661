"""A few epochs, for somebody who waits."""

from cbam_core.training.recipes.recipe import Recipe

FAST = Recipe(
    name="fast",
    epochs=16,
    batch_size=128,
    learning_rate=0.1,
    warmup=0.25,
    weight_decay=5e-4,
    label_smoothing=0.1,
)
