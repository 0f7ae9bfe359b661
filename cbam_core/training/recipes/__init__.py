"""Recipes: every number of a training run, one named file each."""

from cbam_core.training.recipes.fast import FAST
from cbam_core.training.recipes.recipe import Recipe, override
from cbam_core.training.recipes.reference import REFERENCE
from cbam_core.training.recipes.residual import RESIDUAL
from cbam_core.training.recipes.strong import STRONG

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (FAST, REFERENCE, RESIDUAL, STRONG)}
"""Every recipe by its name."""

__all__ = ["FAST", "RECIPES", "REFERENCE", "RESIDUAL", "STRONG", "Recipe", "override"]
