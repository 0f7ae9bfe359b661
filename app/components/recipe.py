"""A training recipe as a small table."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

UNITS = {"crop_padding": " px", "erased": " px", "rotation": "°", "validation": " images", "batch_size": " images"}

_STYLE = """<style>
.recipe { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: 0 2.5rem;
  margin: 0 !important; padding: 0 !important; }
.recipe div { display: flex; justify-content: space-between; gap: 1rem; padding: 0.2rem 0;
  border-bottom: 1px solid rgba(128, 128, 128, 0.25); font-size: 0.875rem; }
.recipe dt { opacity: 0.8; }
.recipe dd { margin: 0; font-variant-numeric: tabular-nums; text-align: right; overflow-wrap: anywhere; }
</style>"""


def recipe_table(recipe: Mapping[str, Any]) -> None:
    """Show every value of a recipe, in its own order."""
    st.html(f'{_STYLE}<dl class="recipe">{"".join(_row(name, value) for name, value in recipe.items())}</dl>')


def _row(name: str, value: Any) -> str:
    return f"<div><dt>{html.escape(name.replace('_', ' '))}</dt><dd>{html.escape(_said(name, value))}</dd></div>"


def _said(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in ("", None):
        return "none"
    if isinstance(value, float):
        return f"{value:g}{UNITS.get(name, '')}"
    if isinstance(value, int) and name != "seed":
        return f"{value:,}{UNITS.get(name, '')}"
    return str(value)
