"""A training recipe as a small table."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.session.words import Words

WORDS = Words(
    {
        "name": "name",
        "architecture": "architecture",
        "gates": "gates",
        "insert": "CBAM after",
        "gradual": "gradual insertion",
        "ratio": "ratio",
        "kernel_size": "kernel size",
        "stem": "stem",
        "size": "image size",
        "data": "data",
        "weights": "first weights",
        "epochs": "epochs",
        "batch_size": "batch size",
        "optimiser": "optimiser",
        "learning_rate": "learning rate",
        "other_rate": "other rate",
        "hidden_decay": "hidden decay",
        "schedule": "schedule",
        "stages": "stages",
        "statistics": "batch statistics at rest",
        "warmup": "warmup",
        "momentum": "momentum",
        "weight_decay": "weight decay",
        "label_smoothing": "label smoothing",
        "crop_padding": "crop padding",
        "flip": "flip",
        "alternating": "alternating flip",
        "brightness": "brightness",
        "contrast": "contrast",
        "saturation": "saturation",
        "hue": "hue",
        "rotation": "rotation",
        "erased": "erased",
        "pasted": "pasted patches",
        "bfloat16": "bfloat16",
        "second": "second cycle",
        "second_rate": "rate of the second cycle",
        "plain": "plain epochs",
        "teacher": "teacher",
        "teacher_share": "teacher share",
        "teacher_temperature": "teacher temperature",
        # Those of recipes as they were when a network was trained:
        "averaging": "averaging",
        "teacher_views": "teacher views",
        "training": "training images",
        "validation": "validation",
        "keep": "keep",
        "seed": "seed",
    }
)
"""Names of a recipe's values; one that is not among them is named as in its file."""

VALUE_WORDS = Words({"yes": "yes", "no": "no", "none": "none", "images": "{number} images"})

FIRST = (
    "name",
    "architecture",
    "gates",
    "insert",
    "weights",
    "data",
    "stages",
    "epochs",
    "optimiser",
    "learning_rate",
    "batch_size",
    "teacher",
    "seed",
)
"""Values that matter most; of the others, those that have an effect come before those that are off."""

UNITS = {"size": " px", "crop_padding": " px", "erased": " px", "rotation": "°"}
IMAGES = {"training", "validation", "batch_size"}

USUAL = {"stem": "usual", "statistics": "kept", "ratio": 16, "kernel_size": 7}
"""Values that count as off."""

_STYLE = """<style>
.recipe { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: 0 2.5rem;
  margin: 0 !important; padding: 0 !important; }
.recipe div { display: flex; justify-content: space-between; gap: 1rem; padding: 0.2rem 0;
  border-bottom: 1px solid rgba(128, 128, 128, 0.25); font-size: 0.875rem; }
.recipe dt { opacity: 0.8; }
.recipe dd { margin: 0; font-variant-numeric: tabular-nums; text-align: right; overflow-wrap: anywhere; }
</style>"""


def recipe_table(recipe: Mapping[str, Any], images: tuple[int, int] | None = None) -> None:
    """Show every value of a recipe, those that matter most first.

    Args:
        recipe: its values.
        images: number of images that the run learns from, and of those that it is watched with, where they are known:
            a folder has others than the recipe says.
    """
    if images is not None:
        recipe = {**recipe, "training": images[0], "validation": images[1]}
    st.html(f'{_STYLE}<dl class="recipe">{"".join(_row(name, recipe[name]) for name in _sorted(recipe))}</dl>')


def _sorted(recipe: Mapping[str, Any]) -> list[str]:
    """Names of a recipe's values: those of `FIRST`, then what has an effect, then what is off."""

    def rank(name: str) -> int:
        is_off = (not recipe[name] and name != "seed") or recipe[name] == USUAL.get(name)
        return len(FIRST) + 1 if is_off else FIRST.index(name) if name in FIRST else len(FIRST)

    return sorted(recipe, key=rank)


def _row(name: str, value: Any) -> str:
    return f"<div><dt>{html.escape(_named(name))}</dt><dd>{html.escape(_said(name, value))}</dd></div>"


def _named(name: str) -> str:
    return WORDS[name] if name in WORDS else name.replace("_", " ")


def _said(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return VALUE_WORDS["yes" if value else "no"]
    if value in ("", None) or (name, value) == ("size", 0):
        return VALUE_WORDS["none"]
    if not isinstance(value, int | float) or name == "seed":
        return str(value)
    number = f"{value:g}" if isinstance(value, float) else f"{value:,}"
    if name in IMAGES:
        return VALUE_WORDS["images"].format(number=number)
    return f"{number}{UNITS.get(name, '')}"
