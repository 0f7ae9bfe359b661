"""The best so far for `CBAM_CNN` as it is: `fast`, for longer, with squares erased. It made the shipped one: 89.07 %.

Forty epochs of it, 45,000 images learnt from, came to 92.8 % of the training images as they are and 86.5 % of the 5,000
held out; a hundred as below to 95.7 % and 87.7 % (of 1,000): it learns much by heart, so epochs alone will not do.

What did not pay: the second network as a teacher, by SGD for 40 epochs (share 0.8, temperature 3: 86.43 % on the test
set, labels alone 86.54 %) and with eight remembered views of every image (no better than labels alone, halfway through
40 epochs); decay of hidden layers (0.05 on all: 87.28 % after 60 epochs; on ``fc1`` alone: half a point less after 20).
"""

from dataclasses import replace

from cbam_core.training.recipes.fast import FAST

STRONG = replace(
    FAST,
    name="strong",
    epochs=100,  # an hour on one core
    erased=8,  # a quarter of the side: no better than none after 20 epochs, but with less learnt by heart
)
