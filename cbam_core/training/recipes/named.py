"""Every recipe by its name, and the command line that repeats a run."""

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
"""Values with an option of their own; ``--set`` is for the others."""


def command_for(recipe: Mapping[str, Number], out: str) -> str:
    """Write the command line that trains a network by a recipe, quoted for a shell.

    Args:
        recipe: values of the recipe by name, as a card or a history keeps them; they may be of another version.
        out: folder of the run, quoted if it has to be.
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
