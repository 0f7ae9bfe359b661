"""All recipes by name, and the command line that repeats a run."""

from __future__ import annotations

import importlib
import pkgutil
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from cbam_core.training.recipes.recipe import Recipe, Setting


def _find_recipes() -> Iterator[Recipe]:
    """Yield the recipes in the other files of this folder, in alphabetical order of the files."""
    for file in pkgutil.iter_modules([str(Path(__file__).parent)], f"{__package__}."):
        if file.name != __name__:
            yield from (value for value in vars(importlib.import_module(file.name)).values() if type(value) is Recipe)


RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _find_recipes()}
"""Recipes by name; a file in this folder is enough to add one."""

OPTIONS = {
    "architecture": "model",
    "data": "data",
    "epochs": "epochs",
    "insert": "insert",
    "seed": "seed",
    "size": "size",
    "weights": "weights",
}
"""Values with their own option, and its name; ``--set`` is for the others."""


def command_for(recipe: Mapping[str, Setting], out: str) -> str:
    """Write the command line that trains a network by a recipe, quoted for a shell.

    Args:
        recipe: values of the recipe by name, as in a card or a history, perhaps of another version.
        out: folder of the run, quoted if needed.
    """
    named = RECIPES.get(str(recipe.get("name")))
    usual = {} if named is None else named.as_dict()
    words = ["cbam", "train", "--recipe", str(recipe.get("name"))]
    for name, value in recipe.items():
        if name not in usual or value == usual[name]:
            continue
        shown = ("no", "yes")[value] if isinstance(value, bool) else str(value)
        words += [f"--{OPTIONS[name]}", shown] if name in OPTIONS else ["--set", f"{name}={shown}"]
    return f"{shlex.join(words)} --out {out}"
