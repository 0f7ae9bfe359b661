"""Recipes: every number of a training run, one named file each."""

from cbam_core.training.recipes.fast import FAST
from cbam_core.training.recipes.named import RECIPES, command_for
from cbam_core.training.recipes.recipe import Recipe, override
from cbam_core.training.recipes.reference import REFERENCE
from cbam_core.training.recipes.residual import RESIDUAL
from cbam_core.training.recipes.strong import STRONG

__all__ = ["FAST", "RECIPES", "REFERENCE", "RESIDUAL", "STRONG", "Recipe", "command_for", "override"]
