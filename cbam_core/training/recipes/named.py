"""Every recipe by its name, and the command line that one stands for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from cbam_core.training.recipes.fast import FAST
from cbam_core.training.recipes.recipe import Number, Recipe
from cbam_core.training.recipes.reference import REFERENCE
from cbam_core.training.recipes.residual import RESIDUAL
from cbam_core.training.recipes.strong import STRONG

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (FAST, REFERENCE, RESIDUAL, STRONG)}
"""Every recipe by its name."""

OPTIONS = ("epochs", "seed")
"""Values with an option of their own; others are set by ``--set``."""


def command_for(recipe: Mapping[str, Number], out: str) -> str:
    """The command line that makes a network of a recipe, as a shell takes it.

    Args:
        recipe: its values by name, as a card or a history keeps them; it may be one of another version.
        out: the folder of the run, quoted where it has to be.
    """
    named = RECIPES.get(str(recipe.get("name")))
    usual = {} if named is None else named.as_dict()
    words = ["cbam", "train", "--recipe", str(recipe.get("name"))]
    for name, value in recipe.items():
        if name not in usual or value == usual[name]:
            continue
        shown = ("no", "yes")[value] if isinstance(value, bool) else str(value)
        words += [f"--{name}", shown] if name in OPTIONS else ["--set", f"{name}={shown}"]
    return f"{shlex.join(words)} --out {out}"
