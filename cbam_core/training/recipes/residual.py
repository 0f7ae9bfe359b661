"""The second network, `CBAM_ResNet`, to be above 93 % on two cores."""

from cbam_core.training.recipes.recipe import Recipe

RESIDUAL = Recipe(
    name="residual",
    architecture="CBAM_ResNet",
    epochs=40,  # about an hour on two idle cores with bfloat16; after 30 it was still learning what it had not by heart
    batch_size=250,  # the larger, the better cores are used; 196 steps an epoch are still many
    learning_rate=0.3,  # what residual networks on CIFAR-10 commonly take at batches of about 256
    warmup=0.2,
    weight_decay=5e-4,  # the common value for residual networks on CIFAR-10
    label_smoothing=0.1,
    erased=8,  # a quarter of the side: a network of this size learns the training images by heart otherwise
    validation=1000,  # watched only; nothing is chosen by them, so that 49,000 images are learnt from
)
