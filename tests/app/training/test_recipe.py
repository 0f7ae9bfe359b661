from dataclasses import fields

import streamlit as st

from app.training.recipe import WORDS, recipe_table
from cbam_core.training.recipes import Recipe


def shown(monkeypatch, recipe, images=None):
    said = []
    monkeypatch.setattr(st, "html", said.append)
    recipe_table(recipe, images)
    return said[0]


def test_every_value_has_its_unit_and_its_words(monkeypatch):
    page = shown(monkeypatch, {"crop_padding": 4, "flip": True, "teacher": "", "seed": 12345, "weight_decay": 5e-4})
    rows = [row.split("</dt><dd>") for row in page.split("<dt>")[1:]]
    assert [(name, value.split("<")[0]) for name, value in rows] == [
        ("seed", "12345"),
        ("crop padding", "4 px"),
        ("flip", "yes"),
        ("weight decay", "0.0005"),
        ("teacher", "none"),
    ]


def test_what_matters_most_comes_first_and_what_is_off_last(monkeypatch):
    recipe = {"hue": 0.0, "rotation": 5, "alternating": False, "epochs": 3, "seed": 0, "name": "fast", "teacher": None}
    page = shown(monkeypatch, recipe)
    names = [row.split("</dt>")[0] for row in page.split("<dt>")[1:]]
    assert names == ["name", "epochs", "seed", "rotation", "hue", "alternating flip", "teacher"]


def test_numbers_of_images_are_those_of_the_run(monkeypatch):
    page = shown(monkeypatch, {"validation": 5000, "data": "photos"}, (1400, 300))
    rows = dict(row.split("</dd>")[0].split("</dt><dd>") for row in page.split("<dt>")[1:])
    assert rows == {"data": "photos", "validation": "300 images", "training images": "1,400 images"}


def test_nothing_in_a_recipe_is_read_as_html(monkeypatch):
    page = shown(monkeypatch, {"<i>": "<script>alert(1)</script>"})
    assert "<script>" not in page
    assert "<i>" not in page


def test_every_value_of_a_recipe_has_a_name_that_can_be_translated():
    assert {item.name for item in fields(Recipe)} <= set(WORDS)
