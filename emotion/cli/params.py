"""`emotion params`: shows a model's parameters, and checks parameter files."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from emotion.cli import console
from emotion.cli.options import JsonOption
from emotion.errors import BadParametersError, InputMissingError
from emotion.models.registry import MODELS, params_file

app = typer.Typer(no_args_is_help=True, help="Show a model's parameters, and check parameter files.")
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Override one; repeatable.")
]


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Which model: see [bold]emotion models[/].")],
    params: Annotated[Path | None, typer.Option("--params", help="params.toml instead of the model's own.")] = None,
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Print every parameter that a training would have, as a params.toml.

    [bold]Examples[/]

      emotion params show lstm

      emotion params show ann --set training.epochs=5 > mine.toml
    """
    from emotion.params.toml import load_params

    resolved = load_params(model, params or params_file(model), overrides or []).model_dump()
    if as_json:
        console.data_json(resolved)
    else:
        console.data(as_toml(resolved))


def as_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Format tables of strings, numbers, booleans, lists of numbers, and inline tables as TOML."""
    return "\n\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())])
        for name, table in tables.items()
    )


def _value(value: object) -> str:
    """Format a value on one line. JSON's values are also TOML's, except tables."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_value(key)} = {_value(inner)}' for key, inner in value.items())}}}"
    # TOML forbids a plain DEL, which JSON allows. TOML has no surrogate pairs, so nothing else is escaped.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files like jobs/ann/params.toml.")],
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Check parameter files; every mistake of every file is named, and the exit code is 78.

    [bold]Example[/]

      emotion params validate jobs/*/params.toml
    """
    checked = [_check(file, overrides or []) for file in files]
    if as_json:
        console.data_json([{**vars(result), "file": str(result.file), "ok": not result.mistakes} for result in checked])
    else:
        for result in checked:
            console.data(f"{result.file}: {'ok, ' + result.model if not result.mistakes else 'wrong'}")
    # A wrong override is wrong for every file, and is printed once.
    mistakes = list(dict.fromkeys(mistake for result in checked for mistake in result.mistakes))
    if mistakes:
        error = (
            InputMissingError if all(result.missing for result in checked if result.mistakes) else BadParametersError
        )
        listed = "\n".join(f"  {mistake}" for mistake in mistakes)
        raise error(
            f"the parameters are wrong:\n{listed}",
            "see `emotion params show MODEL` for every key and its default",
        )


@dataclass(frozen=True)
class _Checked:
    """A parameter file, the model that the file names, and the file's mistakes."""

    file: Path
    model: str
    mistakes: list[str]
    missing: bool = False


def _check(file: Path, overrides: Sequence[str]) -> _Checked:
    from emotion.params.toml import load_params

    model = _model(file)
    mistakes = []
    if model and model not in MODELS:
        mistakes.append(f"{file}: [model] name: unknown model {model!r}; the models are {', '.join(MODELS)}")
    try:
        load_params(model, file, overrides)
    except InputMissingError as error:
        return _Checked(file, model, [error.message], missing=True)
    except BadParametersError as error:
        first, *others = error.message.splitlines()
        mistakes += [line.strip() for line in others] or [first]
    return _Checked(file, model, mistakes)


def _model(file: Path) -> str:
    """Read the name of the file's model; "" where the file cannot be read, which `load_params` reports."""
    try:
        table = tomllib.loads(file.read_bytes().decode()).get("model")
    except (OSError, ValueError):
        return ""
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) else ""
