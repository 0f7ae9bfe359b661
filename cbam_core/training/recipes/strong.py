"""The best that we can do for `CBAM_CNN` as it is."""

from cbam_core.training.recipes.recipe import Recipe

STRONG = Recipe(
    name="strong",
    epochs=100,
    batch_size=128,
    learning_rate=0.1,
    warmup=0.2,
    weight_decay=5e-4,
    label_smoothing=0.1,
    validation=1000,
)
