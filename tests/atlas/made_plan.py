"""The plan of a small atlas that nobody builds: two gates, two classes, seven images in two shards."""

from cbam_core.atlas.gate import AtlasGate
from cbam_core.atlas.plan import ImageSetFacts, NetworkFacts, Plan
from cbam_core.results.placement import Placement

PLACED = Placement((0.5, 0.5), (2.0, 2.0), field=(5.0, 5.0), cells=(2, 3))
PLAN = Plan(
    network=NetworkFacts("net", "d" * 64, "Net", ("cat", "dog"), (8, 8), (0.5,) * 3, (0.25,) * 3, 1.0),
    images=ImageSetFacts("made:up", 7, ("cat", "dog"), "e" * 64),
    gates=(
        AtlasGate("b1.channel", "b1", "channel", 1, (4,), 0, placement=PLACED),
        AtlasGate("b1.spatial", "b1", "spatial", 1, (2, 3), 4, shift=1.0, squashed=False, placement=PLACED),
    ),
    left_out=("b2.full",),
    side=8,
    program="1",
    torch="2",
    shard_size=4,
    across=3,
)
