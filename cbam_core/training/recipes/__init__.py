"""Recipes: all settings of a training run, in one file each; files in this folder are found by themselves."""

from cbam_core.training.recipes.fast import FAST
from cbam_core.training.recipes.named import RECIPES, command_for
from cbam_core.training.recipes.recipe import Recipe, override
from cbam_core.training.recipes.reference import REFERENCE
from cbam_core.training.recipes.residual import RESIDUAL
from cbam_core.training.recipes.strong import STRONG

__all__ = ["FAST", "RECIPES", "REFERENCE", "RESIDUAL", "STRONG", "Recipe", "command_for", "override"]
