"""`emotion params`: show a model's parameters, and check parameter files."""

import json
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
# Placeholder for the name of a student's teacher.
EXAMPLE = "training.teacher.run=model/run"
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Override one parameter; repeatable.")
]


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Which model: see [bold]emotion models[/].")],
    params: Annotated[
        Path | None, typer.Option("--params", help="Parameter file instead of the model's own params.toml.")
    ] = None,
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Print all parameters of a training as a params.toml.

    [bold]Examples[/]

      emotion params show lstm

      emotion params show ann --set training.epochs=5 > mine.toml
    """
    # Imported late: pydantic would slow down `emotion --help`.
    from emotion.params.toml import load_params

    resolved = load_params(model, params or params_file(model), overrides or []).model_dump()
    if as_json:
        console.data_json(resolved)
    else:
        console.data(as_toml(resolved))
        if resolved["training"].get("teacher", {}) is None:
            example = load_params(model, params or params_file(model), [*(overrides or []), EXAMPLE]).model_dump()
            console.data(_teacher_comment(example["training"]["teacher"]))


def as_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Write tables as TOML. Values are strings, numbers, booleans, lists of numbers, and tables of these.

    TOML has no null: keys without a value are left out.
    """
    return "\n\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items() if value is not None)])
        for name, table in tables.items()
    )


def _teacher_comment(table: Mapping[str, Any]) -> str:
    """Show a teacher's defaults as a comment if the model could have a teacher and has none."""
    lines = as_toml({"training.teacher": table}).splitlines()
    return "\n" + "\n".join(f"# {line}" for line in ("With --teacher MODEL/RUN:", *lines))


def _value(value: object) -> str:
    """Write a value on one line: as JSON, which is also TOML except for tables."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_value(key)} = {_value(inner)}' for key, inner in value.items())}}}"
    # TOML forbids a bare DEL, which JSON does not escape. TOML also forbids JSON's escaped surrogate pairs.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files like jobs/ann/params.toml.")],
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Check parameter files. Lists every mistake in every file; exits 78 if there is one.

    [bold]Example[/]

      emotion params validate jobs/*/params.toml
    """
    checked = [_check(file, overrides or []) for file in files]
    if as_json:
        console.data_json([{**vars(result), "file": str(result.file), "ok": not result.mistakes} for result in checked])
    else:
        for result in checked:
            console.data(f"{result.file}: {'ok, ' + result.model if not result.mistakes else 'wrong'}")
    # Every file reports the same wrong override: list it once.
    mistakes = list(dict.fromkeys(mistake for result in checked for mistake in result.mistakes))
    if mistakes:
        error = (
            InputMissingError if all(result.missing for result in checked if result.mistakes) else BadParametersError
        )
        listed = "\n".join(f"  {mistake}" for mistake in mistakes)
        raise error(
            f"the parameters are wrong:\n{listed}",
            "`emotion params show MODEL` lists every key with its default",
        )


@dataclass(frozen=True)
class _Checked:
    """A parameter file, the model that it names, and its mistakes."""

    file: Path
    model: str
    mistakes: list[str]
    missing: bool = False


def _check(file: Path, overrides: Sequence[str]) -> _Checked:
    from emotion.params.toml import load_params, read_model_name

    model, mistakes = "", []
    try:
        model = read_model_name(file)
        if model and model not in MODELS:
            mistakes.append(f"{file}: [model] name: unknown model {model!r}; the models are {', '.join(MODELS)}")
        load_params(model, file, overrides)
    except InputMissingError as error:
        return _Checked(file, model, [error.message], missing=True)
    except BadParametersError as error:
        first, *others = error.message.splitlines()
        mistakes += [line.strip() for line in others] or [first]
    return _Checked(file, model, mistakes)
