"""The recipe of `CBAM_ResNet`: the shipped network has 93.36 % test accuracy.

``docs/experiments.md`` describes the run before it.
"""

from cbam_core.training.recipes.recipe import Recipe

RESIDUAL = Recipe(
    name="residual",
    architecture="CBAM_ResNet",
    epochs=40,  # about an hour on two idle cores with bfloat16; after 30, training accuracy was still rising
    batch_size=250,  # larger batches are faster on several cores; 196 steps per epoch are still enough
    learning_rate=0.3,  # common for residual networks on CIFAR-10 at batches of about 256
    warmup=0.2,
    weight_decay=5e-4,  # the common value for residual networks on CIFAR-10
    label_smoothing=0.1,
    erased=8,  # a quarter of the side: otherwise a network of this size memorises the training images
    validation=1000,  # not used for decisions; 49,000 images train the network
)
