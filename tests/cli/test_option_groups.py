"""A dataclass of options is one parameter of a command, and one option per field on the command line."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from emotion.cli.option_groups import with_option_groups


@dataclass(frozen=True)
class Color:
    """A group of options."""

    name: Annotated[str, typer.Option("--color", envvar="TEST_COLOR", help="Its name.")] = "red"
    bright: Annotated[bool, typer.Option("--bright/--dark")] = False


@dataclass(frozen=True)
class Size:
    """Another group."""

    width: Annotated[int | None, typer.Option(min=1)] = None


app = typer.Typer()


@app.command()
@with_option_groups
def paint(thing: Annotated[str, typer.Argument()], times: int = 1, *, color: Color, size: Size) -> None:
    """Paint a thing."""
    typer.echo(f"{thing} {color} {size} {times}")


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments, env=env)
    return done.exit_code, done.output.strip()


@pytest.mark.parametrize(
    ("arguments", "color", "size", "times"),
    [
        ([], Color(), Size(), 1),
        (["--color", "blue", "--width", "3", "--times", "2"], Color("blue"), Size(3), 2),
        (["--width=7", "--bright"], Color(bright=True), Size(7), 1),
    ],
)
def test_options_become_groups(arguments: list[str], color: Color, size: Size, times: int) -> None:
    assert run("door", *arguments) == (0, f"door {color} {size} {times}")


def test_options_of_a_group_have_variables_bounds_and_help() -> None:
    assert run("door", env={"TEST_COLOR": "green"}) == (0, f"door {Color('green')} {Size()} 1")
    code, message = run("door", "--width", "0")
    assert code == 2
    assert "--width" in message
    code, text = run("--help", env={"COLUMNS": "200"})
    assert code == 0
    assert all(word in text for word in ("Paint a thing.", "--color", "Its name.", "--dark", "--width", "--times"))
    assert "--size" not in text


def test_a_command_without_groups_stays_as_it_is() -> None:
    plain = typer.Typer()
    plain.command()(with_option_groups(lambda: typer.echo("done")))
    assert CliRunner().invoke(plain, []).output == "done\n"
