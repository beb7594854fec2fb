"""Reads params.toml, applies `--set`, and reports all mistakes at once."""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from emotion.errors import BadParametersError, InputMissingError
from emotion.params.schema import (
    WORD_MODELS,
    AnnTable,
    AnyParams,
    LinearTable,
    LstmTable,
    Params,
    TeacherTable,
    TransformerTable,
    schema,
)


def load_params(model: str, file: Path, overrides: Sequence[str] = ()) -> AnyParams:
    """Read `file`, apply `table.key=value` overrides, and validate the result.

    Raises:
        InputMissingError: the file does not exist or cannot be read.
        BadParametersError: all mistakes, one per line.
    """
    tables = _read(file)
    mistakes = _apply(tables, overrides)
    _drop_revision(tables, overrides)
    table = tables.setdefault("model", {})
    if isinstance(table, dict) and table.setdefault("name", model) != model:
        mistakes.append(f"{file}: [model] name: is {table['name']!r}, but the job is {model!r}")
        table["name"] = model
    try:
        params = schema(model).model_validate(tables)
    except ValidationError as error:
        overridden = {text.partition("=")[0].strip() for text in overrides}
        overridden |= {table for name in overridden if (table := name.partition(".")[0]) not in Params.model_fields}
        mistakes += [_mistake(detail, file, overridden, model) for detail in error.errors()]
    if mistakes:
        raise BadParametersError(
            "the parameters are wrong:\n" + "\n".join(f"  {line}" for line in mistakes),
            f"`emotion params show {model}` lists every key with its default",
        )
    return params


def read_model_name(file: Path) -> str:
    """Read the model's name from a parameter file; empty if `[model] name` is absent.

    Raises:
        InputMissingError: the file does not exist.
        BadParametersError: the file is not TOML.
    """
    table = _read(file).get("model")
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) else ""


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Parse valid overrides into tables like a parameter file's."""
    tables: dict[str, Any] = {}
    _apply(tables, overrides)
    return tables


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError as error:
        raise InputMissingError(f"no such parameter file: {file}") from error
    except OSError as error:
        raise InputMissingError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadParametersError(f"{file} is not TOML: {error}") from error


def _apply(tables: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """Write `overrides` into `tables`, and return their mistakes."""
    mistakes = []
    for text in overrides:
        name, equals, value = text.partition("=")
        *parents, key = name.strip().split(".")
        if not (equals and parents and all(parents) and key):
            mistakes.append(f"--set {text}: is not table.key=value")
            continue
        table: Any = tables
        for depth, parent in enumerate(parents, 1):
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                mistakes.append(f"--set {text}: {'.'.join(parents[:depth])} is not a table")
                break
        else:
            table[key] = _value(value.strip())
    return mistakes


def _drop_revision(tables: dict[str, Any], overrides: Sequence[str]) -> None:
    """Drop the file's revision if an override replaces only its pretrained model."""
    names = {text.partition("=")[0].strip() for text in overrides}
    if "model.checkpoint" in names and "model.revision" not in names and isinstance(tables.get("model"), dict):
        tables["model"].pop("revision", None)


def _value(text: str) -> Any:
    """Parse a TOML value. Any other text is a string: quotes may be omitted."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    # A line feed in the text could start another key.
    return parsed["value"] if len(parsed) == 1 else text


def _mistake(detail: ErrorDetails, file: Path, overridden: set[str], model: str) -> str:
    """Describe a mistake in one line: its place, the problem, and the found value."""
    path = [str(part) for part in detail["loc"]]
    if path[:1] == ["model"] and len(path) > 1 and path[1] in WORD_MODELS:
        del path[1]  # pydantic names the chosen member of the union
    if path[:2] == ["training", "class_weights"]:
        del path[2:3]
    dotted = (".".join(path[:depth]) for depth in range(len(path), 0, -1))
    override = next((name for name in dotted if name in overridden), "")
    source = f"--set {override}" if override else str(file)
    location = f"{source}: [{path[0]}] {'.'.join(path[1:])}".rstrip() if path else source
    if detail["type"] == "extra_forbidden":
        return f"{location}: unknown {'key' if len(path) > 1 else 'table'}{_nearest(path, model)}"
    if detail["type"] == "model_type":
        return f"{location}: is not a table, found {detail['input']!r:.80}"
    found = "" if detail["type"] in {"missing", "value_error"} else f", found {detail['input']!r:.80}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{location}: {message[0].lower()}{message[1:]}{found}"


def _nearest(path: list[str], model: str) -> str:
    """Suggest the most similar key."""
    known: list[str] = list(Params.model_fields)
    if path[:2] == ["training", "teacher"]:
        known = list(TeacherTable.model_fields)
    elif len(path) > 1:
        known = [key for table in _tables(path[0], model) for key in table.model_fields]
    matches = difflib.get_close_matches(path[-1], known, n=1)
    return f", did you mean {matches[0]!r}?" if matches else f"; known are {', '.join(dict.fromkeys(known))}"


def _tables(name: str, model: str) -> list[type[BaseModel]]:
    if name == "model":
        return [
            next((table for table in (LinearTable, AnnTable, LstmTable) if table().name == model), TransformerTable)
        ]
    annotation = schema(model).model_fields[name].annotation
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
