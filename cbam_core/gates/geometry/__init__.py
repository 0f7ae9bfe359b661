"""Where does each cell of a map look on the input? One forward is followed operation by operation.

`positions` says what is known about a tensor, `windows` what a layer with a window does to it, `joins` what happens
where tensors meet, `moves` what happens where elements only change places. `rules` chooses between them by the name of
the operation, `tracker` follows a forward, and `placing` makes the answer of it.
"""

from cbam_core.gates.geometry.placing import locate, place

__all__ = ["locate", "place"]
