"""Lets a command take a dataclass of options as one parameter."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Replace dataclass parameters of a command by one option per field: typer reads only single options."""
    hints = get_type_hints(command).items()
    groups = {name: hint for name, hint in hints if isinstance(hint, type) and is_dataclass(hint)}

    @functools.wraps(command)
    def flat(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        parameters += _option_parameters(groups[name]) if name in groups else [parameter]
    vars(flat)["__signature__"] = inspect.Signature(parameters)
    return flat


def _option_parameters(options: type[Any]) -> list[inspect.Parameter]:
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(field.name, kind, default=field.default, annotation=field.type) for field in fields(options)
    ]
