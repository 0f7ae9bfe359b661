"""Which network is trained, and with which weights does it begin?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cbam_core.errors import TrainingError
from cbam_core.files import write_atomically
from cbam_core.network import Classifier, torchvision_facts
from cbam_core.network.building import build_named
from cbam_core.network.modules import know
from cbam_core.network.naming import NamedNetwork, checked_insertion, read_named
from cbam_core.network.pretrained import load_pretrained
from cbam_core.network.statement import Statement
from cbam_core.nn.head import head_of
from cbam_core.nn.registry import ARCHITECTURES, FAMILIES, build, complete_arguments, find
from cbam_core.training.recipes import Recipe
from cbam_core.weights.description import COURSE_MEAN, COURSE_STD
from cbam_core.weights.stating import usual_normalisation

SOURCES = "sources.json"
"""Name of the file in the run's folder that says where network, images and weights come from."""


@dataclass(frozen=True)
class Sources:
    """Where a run's network, images and weights come from, if not from the recipe alone.

    Attributes:
        model: network of one's own: ``"package.module:factory"`` or a TOML file; "" for the recipe's.
        data: folder of classes; "" for CIFAR-10.
        weights: file of the weights that the network begins with; "" for random ones.
    """

    model: str = ""
    data: str = ""
    weights: str = ""

    def named_in(self, recipe: Recipe) -> Recipe:
        """Return a recipe with the names of these sources, without their folders."""
        model = Path(self.model).name if self.model.endswith(".toml") else self.model
        data = Path(self.data).resolve().name if self.data else ""
        weights = Path(self.weights).name if self.weights else ""
        return replace(recipe, architecture=model or recipe.architecture, data=data, weights=weights)

    def over(self, stored: Sources) -> Sources:
        """Return these, and those of a run that continues for what is not named."""
        return Sources(*(mine or theirs for mine, theirs in zip(astuple(self), astuple(stored), strict=True)))

    def save(self, folder: Path) -> None:
        """Keep them in a run's folder, with whole paths.

        Raises:
            OSError: the folder cannot be written.
        """
        whole = {name: _whole(value) for name, value in asdict(self).items()}
        write_atomically(folder / SOURCES, lambda file: file.write(json.dumps(whole).encode()))

    @classmethod
    def of_run(cls, folder: Path) -> Sources:
        """Read those of a run that continues; none where it has none."""
        try:
            values = json.loads((folder / SOURCES).read_text(encoding="utf-8"))
            return cls(*(str(values.get(name, "")) for name in ("model", "data", "weights")))
        except (OSError, ValueError, AttributeError):
            return cls()


def _whole(value: str) -> str:
    path = Path(value).expanduser()
    return str(path.resolve()) if value and path.exists() else value


@dataclass(frozen=True, eq=False)
class Beginning:
    """A network before training.

    Attributes:
        classifier: the network, with how images are prepared for it.
        named: its name, where it is one of one's own, whose file needs that name to be opened.
        begins: what it begins with, for the card; "" for random weights.
    """

    classifier: Classifier
    named: NamedNetwork | None = None
    begins: str = ""


def input_side(recipe: Recipe) -> int:
    """Return the side in pixels of the images of a folder: the recipe's, or that of its network."""
    if recipe.size:
        return recipe.size
    known = recipe.architecture in ARCHITECTURES or recipe.architecture.partition(":")[0] in FAMILIES
    return find(recipe.architecture).input_size[0] if known else 224


def begin(recipe: Recipe, sources: Sources, classes: tuple[str, ...], side: int, name: str) -> Beginning:
    """Build the network of a recipe, with the recipe's seed, and load the weights that it begins with.

    Args:
        recipe: all settings of the run.
        sources: where network and weights come from.
        classes: names of the classes.
        side: side of the images in pixels.
        name: name of the network.

    Raises:
        CheckpointError: the weights do not fit the network.
        ModelError: there is no such network, or a block does not fit.
        TrainingError: the recipe asks for what the network does not have.
    """
    torch.manual_seed(recipe.seed)
    if recipe.architecture.partition(":")[0] in FAMILIES:
        made = Beginning(_of_library(recipe, classes))
    elif recipe.architecture in ARCHITECTURES:
        made = Beginning(_registered(recipe, classes))
    else:
        made = _own(recipe, sources, classes)
    classifier = replace(made.classifier, input_size=(side, side), name=name)
    begins = _load(classifier.model, Path(sources.weights).expanduser()) if sources.weights else ""
    return Beginning(classifier, made.named, begins)


def _load(model: nn.Module, path: Path) -> str:
    new = load_pretrained(model, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    apart = f", apart from {', '.join(new)}" if new else ""
    return f"It began with the weights of {path.name} (SHA-256 {digest}){apart}."


def _registered(recipe: Recipe, classes: tuple[str, ...]) -> Classifier:
    """Build one of this program's networks."""
    if recipe.insert or recipe.stem != "usual":
        raise TrainingError(
            "training.has-attention",
            "{name} has CBAM already; insert and stem are for networks of torchvision, timm, or one's own",
            name=recipe.architecture,
        )
    knobs = find(recipe.architecture).arguments
    wanted: dict[str, Any] = {"gates": recipe.gates, "ratio": recipe.ratio, "kernel_size": recipe.kernel_size}
    usual = {"gates": "both", "ratio": 16, "kernel_size": 7}
    given = {key: value for key, value in wanted.items() if key in knobs or value != usual[key]}
    if recipe.size and "image_size" in knobs:
        given["image_size"] = recipe.size // 8 * 8
    if len(classes) != 10:
        given["num_classes"] = len(classes)
    return _classifier(recipe.architecture, given, classes, (COURSE_MEAN, COURSE_STD))


def _of_library(recipe: Recipe, classes: tuple[str, ...]) -> Classifier:
    """Build a network of torchvision or timm, with the normalisation that its weights have."""
    library, _, name = recipe.architecture.partition(":")
    given = {"num_classes": len(classes), "stem": recipe.stem, **_inserted(recipe)}
    made = _classifier(recipe.architecture, given, classes, usual_normalisation("imagenet"))
    facts = torchvision_facts.of_name(name) if library == "torchvision" else know(made.model, Statement()).facts
    mean, std = facts.normalisation or (made.mean, made.std)
    return replace(made, mean=mean, std=std)


def _inserted(recipe: Recipe) -> dict[str, Any]:
    """Return what a recipe says about inserted blocks, as the arguments of a network that has them."""
    if not recipe.insert and recipe.gates != "both":
        raise TrainingError(
            "training.gates-without-blocks",
            "gates={gates} is about CBAM blocks, and {name} has none; name the layers after which a CBAM is inserted",
            gates=recipe.gates,
            name=recipe.architecture,
        )
    if not recipe.insert:
        return {}
    sizes = {"ratio": recipe.ratio, "kernel_size": recipe.kernel_size, "gates": recipe.gates}
    return {"insert": recipe.insert, "gradual": "yes" if recipe.gradual else "no", **sizes}


def _classifier(
    architecture: str, given: dict[str, Any], classes: tuple[str, ...], normalisation: tuple[Any, Any]
) -> Classifier:
    complete = complete_arguments(architecture, given)
    mean, std = normalisation
    return Classifier(
        model=build(architecture, complete),
        architecture=architecture,
        arguments=complete,
        classes=classes,
        mean=mean,
        std=std,
        input_size=find(architecture).input_size,
    )


def _own(recipe: Recipe, sources: Sources, classes: tuple[str, ...]) -> Beginning:
    """Build a network of one's own by the name that the operator gives."""
    if not sources.model:
        find(recipe.architecture)  # says which there are
    named = read_named(sources.model)
    if recipe.insert or recipe.stem != "usual":
        named = replace(named, inserted=checked_insertion({**_inserted(recipe), "stem": recipe.stem}))
    built = build_named(named, len(classes))
    model = built.model if isinstance(built, Classifier) else built
    outputs = getattr(model.get_submodule(head_of(model)), "out_features", len(classes))
    if outputs != len(classes):
        raise TrainingError(
            "training.other-outputs",
            "{name} has {given} outputs, but the data have {count} classes; give its factory that number, as "
            "arguments in a TOML file",
            name=recipe.architecture,
            given=outputs,
            count=len(classes),
        )
    facts = know(model, replace(named.given, weights=None, classes=classes)).facts
    mean, std = facts.normalisation or usual_normalisation("imagenet")
    found = Classifier(model=model, classes=classes, mean=mean, std=std, input_size=(0, 0))
    return Beginning(found, named)
