"""Gates found by what a forward does, whatever its classes are called.

`learning` runs a forward beside the real one, which `isolation` keeps without a trace, and follows every tensor
(`tensors`, `bounds`, `elements`, `rules`). What it finds is a `lesson`, which becomes a `plan`: at which calls of which
modules a gate multiplies a map. `counting` reads the gates at these calls in the forwards that follow.
"""
