"""What a gate can be replaced by: pure functions of the gate as it is, and of its usual values.

Each replacement asks its own question, and its docstring says which, and what its answer is no evidence of. The first
to ask is `Usual`: it takes away what the gate says about this image, and leaves what it does to every image. `Off` also
changes the scale of the feature map, which no later layer was trained for, so that a large effect of it says little.

Anything else that takes a `Target` and returns its values can be a replacement too.
"""

from cbam_core.gates.replacements.constants import BestConstant, Off, Usual, UsualLevel, Values
from cbam_core.gates.replacements.other_images import Borrowed, OtherImage, SameClass
from cbam_core.gates.replacements.own_values import AsIs, Inverted, OwnMean, Scaled, Shuffled
from cbam_core.gates.replacements.parts import Only
from cbam_core.gates.replacements.replacement import AnyReplacement, Replacement, check_replacement, listed
from cbam_core.gates.replacements.target import Target

__all__ = [
    "AnyReplacement",
    "AsIs",
    "BestConstant",
    "Borrowed",
    "Inverted",
    "Off",
    "Only",
    "OtherImage",
    "OwnMean",
    "Replacement",
    "SameClass",
    "Scaled",
    "Shuffled",
    "Target",
    "Usual",
    "UsualLevel",
    "Values",
    "check_replacement",
    "listed",
]
