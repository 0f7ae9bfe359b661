"""Groups of options: each is one parameter of a command, and spread where it stands."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from cbam_core.cli.commands import app
from cbam_core.cli.spreading import with_groups


@dataclass(frozen=True)
class Place:
    """Where something is written.

    Attributes:
        out: folder.
        again: whether it is written again.
    """

    out: Annotated[str, typer.Option("--out", "-o", help="A folder.")]
    again: Annotated[bool, typer.Option("--again", help="Write it again.")] = False


@dataclass(frozen=True)
class Size:
    """How large it is.

    Attributes:
        width: in mm.
    """

    width: Annotated[float, typer.Option(min=1, help="Width in mm.")] = 84.0


heard: list[tuple[int, Place, Size, bool]] = []


@with_groups
def command(
    *,
    number: Annotated[int, typer.Option(help="A number.")] = 3,
    place: Place,
    size: Size,
    loud: Annotated[bool, typer.Option("--loud")] = False,
) -> None:
    """Do nothing but listen."""
    heard.append((number, place, size, loud))


def run(*words: str) -> tuple[int, Place, Size, bool]:
    heard.clear()
    alone = typer.Typer()
    alone.command()(command)
    typer.main.get_command(alone).main(list(words), standalone_mode=False)
    return heard[0]


def test_options_of_a_group_stand_in_its_place_in_order() -> None:
    assert list(inspect.signature(command).parameters) == ["number", "out", "again", "width", "loud"]
    assert command.__doc__ == "Do nothing but listen."


def test_what_is_given_reaches_the_command_in_groups() -> None:
    assert run("-o", "here") == (3, Place("here"), Size(), False)
    assert run("--loud", "--width", "5", "--again", "--out", "there") == (3, Place("there", again=True), Size(5), True)


def test_an_option_of_a_group_that_has_no_default_is_required() -> None:
    with pytest.raises(typer.TyperException, match="Missing parameter: out"):
        run("--loud")


def test_a_bound_of_an_option_of_a_group_holds() -> None:
    with pytest.raises(typer.TyperException, match="greater than or equal to 1"):
        run("-o", "here", "--width", "0")


def test_no_command_has_two_options_of_one_name() -> None:
    commands = [
        *app.registered_commands,
        *(one for group in app.registered_groups for one in group.typer_instance.registered_commands),
    ]
    assert len(commands) > 20
    for one in commands:
        info = typer.main.get_command_from_info(one, pretty_exceptions_short=True, rich_markup_mode=None)
        names = [name for option in info.params for name in (*option.opts, *option.secondary_opts)]
        assert len(names) == len(set(names)), one.name
