"""Options about a network that commands share: where they stand, what they say, and how they are read."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Annotated

import pytest
import typer

from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated

NAMES = ["weights", "classes", "normalisation", "input_size", "mean", "std"]
heard: list[tuple[int, Stated, bool]] = []


@with_groups
def command(
    number: Annotated[int, typer.Option(help="A number.")] = 3,
    stated: Stated = UNSTATED,
    loud: Annotated[bool, typer.Option("--loud")] = False,
) -> None:
    """Do nothing but listen."""
    heard.append((number, stated, loud))


def run(*words: str) -> tuple[int, Stated, bool]:
    heard.clear()
    app = typer.Typer()
    app.command()(command)
    typer.main.get_command(app).main(list(words), standalone_mode=False)
    return heard[0]


def test_the_options_stand_in_the_place_of_the_parameter() -> None:
    assert list(inspect.signature(command).parameters) == ["number", *NAMES, "loud"]
    assert [field.name for field in fields(Stated)] == NAMES
    assert command.__doc__ == "Do nothing but listen."


def test_what_is_stated_reaches_the_command_as_one_object() -> None:
    assert run() == (3, UNSTATED, False)
    assert run("--loud", "--size", "64x48", "--number", "5", "--normalization", "half") == (
        5,
        Stated(normalisation="half", input_size="64x48"),
        True,
    )
    written = {name: f"{name}.1" for name in NAMES}
    words = [word for name, value in written.items() for word in (f"--{name.replace('_', '-')}", value)]
    assert run(*words) == (3, Stated(**written), False)


def test_a_statement_is_read_as_numbers_and_names() -> None:
    said = Stated(classes="cat,dog", normalisation="0.5,0.4,0.3/0.2,0.2,0.1", input_size="64x48").statement
    assert said.classes == ("cat", "dog")
    assert said.normalisation == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    assert said.input_size == (64, 48)
    assert Stated(mean="0.5,0.4,0.3", std="0.2,0.2,0.1").statement.normalisation == said.normalisation


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (Stated(normalisation="a/b"), "'a/b' is not like 0.5,0.5,0.5/0.2,0.2,0.2"),
        (Stated(mean="half"), "'half' is not like 0.5,0.5,0.5"),
        (Stated(input_size="64 x 48"), "'64 x 48' is not a size like 32 or 64x48"),
    ],
)
def test_what_is_no_number_is_said_in_one_sentence(stated: Stated, said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        _ = stated.statement
