"""CBAM in a pretrained ResNet-18, unfrozen in three stages with a rate for each part, as the course's next lesson does.

It needs a file of weights: ``cbam train --recipe staged --weights FILE``. ``docs/training.md`` says what was measured.
"""

from cbam_core.training.recipes.recipe import Recipe

STAGED = Recipe(
    name="staged",
    architecture="torchvision:resnet18",
    insert="layer[1-4]",  # after each stage, as in the course
    gradual=True,  # the pretrained network computes as before at first; the course inserts plain blocks
    stem="small",  # the course's: 3x3 without stride, no pooling, for 32 pixels
    epochs=30,
    batch_size=128,
    optimiser="adam",
    learning_rate=1e-3,
    weight_decay=0.0,
    stages="1: new=1; 6: new=1 layer[34]=0.1; 16: **=0.1 new=0.2",
    crop_padding=4,
    flip=True,
    validation=5000,
)
