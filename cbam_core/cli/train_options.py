"""Options of ``cbam train`` in groups: the settings of a run, and a network and images of one's own."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cbam_core.training.building import Sources
    from cbam_core.training.recipes import Recipe

DEFAULT_RECIPE = "fast"

RECIPES_FOLDER = Path(__file__).parents[1] / "training" / "recipes"


def recipe_names() -> tuple[str, ...]:
    """List the recipes by the names of their files, for help that does not wait for torch."""
    return tuple(file.name for file in pkgutil.iter_modules([str(RECIPES_FOLDER)]) if file.name not in _NO_RECIPES)


_NO_RECIPES = frozenset({"named", "recipe"})


def _known_recipe(name: str | None) -> str | None:
    from cbam_core.training.recipes import RECIPES

    if name is not None and name not in RECIPES:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(sorted(RECIPES))}")
    return name


def _assignment(text: str) -> str:
    if "=" not in text:
        raise typer.BadParameter(f"'{text}' must look like NAME=VALUE", param_hint="'--set'")
    return text


def _written(values: Mapping[str, object]) -> dict[str, str]:
    """Write values as text, without those that are not given."""
    return {name: str(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Settings:
    """The settings of a run: a recipe, and what is different.

    Attributes:
        recipe: name of the recipe; None for that of the run that continues, or the default.
        resume: whether the run in the folder continues.
        epochs: number of epochs, instead of the recipe's.
        seed: seed, instead of the recipe's.
        changes: other values of the recipe, as ``"name=value"``.
    """

    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="NAME",
            help="Recipe of the run.",
            callback=_known_recipe,
            show_default=f"{DEFAULT_RECIPE}, or with --resume that of the run",
        ),
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in this folder, or begin it.")] = False
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Epochs, instead of the recipe's.", show_default=False)
    ] = None
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Seed, instead of the recipe's.", show_default=False)
    ] = None
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other value of the recipe; may be repeated."),
    ] = None

    @property
    def values(self) -> dict[str, str]:
        """What is different from the recipe, by its names.

        Raises:
            typer.BadParameter: a change is not an assignment.
        """
        changes = dict(change.split("=", 1) for change in map(_assignment, self.changes or ()))
        return changes | _written({"epochs": self.epochs, "seed": self.seed})

    def base(self, folder: Path) -> Recipe:
        """Return the recipe that is named; without a name, that of the run in a folder that continues, or the default.

        Args:
            folder: folder of the run.
        """
        from cbam_core.training.recipes import RECIPES
        from cbam_core.training.state import stored_recipe

        stored = stored_recipe(folder) if self.resume and self.recipe is None else None
        return RECIPES[self.recipe or DEFAULT_RECIPE] if stored is None else stored


@dataclass(frozen=True)
class Own:
    """A network and images of one's own, instead of the recipe's.

    Attributes:
        model: the network: one of the program's by name, or one's own.
        weights: file of the weights that it begins with.
        insert: layers after which a CBAM is inserted.
        gradual: whether inserted blocks begin without effect.
        data: folder of classes.
        size: side of the images in pixels.
    """

    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NETWORK",
            help="Network, instead of the recipe's: torchvision:NAME, timm:NAME, package.module:factory, a .toml file "
            "that says which, or a network of this program, such as CBAM_ResNet.",
            show_default=False,
        ),
    ] = None
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="Pretrained weights that the network begins with."),
    ] = None
    insert: Annotated[
        str | None,
        typer.Option(
            "--insert",
            metavar="LAYERS",
            help="Layers after which a CBAM is inserted: names or patterns such as 'layer[1-4]', with spaces between "
            "them.",
            show_default=False,
        ),
    ] = None
    gradual: Annotated[
        bool | None,
        typer.Option(
            "--gradual/--plain",
            help="Whether inserted blocks begin without effect, so that a pretrained network computes as before.",
            show_default=False,
        ),
    ] = None
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Folder of your own images instead of CIFAR-10: one subfolder for each class, or these in train, val "
            "and test.",
        ),
    ] = None
    size: Annotated[
        int | None,
        typer.Option(
            "--size", metavar="PIXELS", min=8, max=1024, help="Side of the images in pixels.", show_default=False
        ),
    ] = None

    @property
    def is_named(self) -> bool:
        """Whether the network is named by a path or by code, which no recipe holds."""
        from cbam_core.network.naming import is_named
        from cbam_core.nn.registry import FAMILIES

        return self.model is not None and is_named(self.model) and self.model.partition(":")[0] not in FAMILIES

    @property
    def values(self) -> dict[str, str]:
        """Values of a recipe, by its names."""
        gradual = None if self.gradual is None else ("no", "yes")[self.gradual]
        architecture = None if self.is_named else self.model
        return _written({"insert": self.insert, "size": self.size, "gradual": gradual, "architecture": architecture})

    @property
    def sources(self) -> Sources:
        """What is named by a path or by code."""
        from cbam_core.training.building import Sources

        named = {"model": self.model if self.is_named else None, "data": self.data, "weights": self.weights}
        return Sources(**_written(named))
