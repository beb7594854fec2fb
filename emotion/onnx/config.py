"""The config.json of an exported model: the labels of its logits, and the temperature of its scores."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emotion.errors import BadDataError
from emotion.store.atomic import write_json
from emotion.store.layout import read_json

# Not `temperature`: Hugging Face's tools read that name as a setting of text generation.
TEMPERATURE = "calibration_temperature"


def read_labels(config: Mapping[str, Any], path: Path) -> list[str]:
    """Read the labels, in the order of the logits, from id2label of the `config` in `path`.

    Raises:
        BadDataError: id2label is missing, or does not map 0, 1, 2, ... to different names.
    """
    names = config.get("id2label")
    if not isinstance(names, dict) or not names:
        raise BadDataError(f"{path} has no id2label", "id2label maps the index of every logit to a label's name")
    if set(names) != {str(index) for index in range(len(names))}:
        raise BadDataError(
            f"{path}: the keys of id2label are {', '.join(names):.200}, not 0 to {len(names) - 1}",
            "export the model again",
        )
    labels = [names[str(index)] for index in range(len(names))]
    if not all(isinstance(label, str) and label for label in labels) or len(set(labels)) < len(labels):
        raise BadDataError(f"{path}: the labels are not {len(labels)} different names", "export the model again")
    return labels


def read_temperature(config: Mapping[str, Any], path: Path) -> float:
    """Read the temperature that divides the logits before softmax; 1 if the `config` in `path` has none.

    Raises:
        BadDataError: the temperature is not a positive number.
    """
    value = config.get(TEMPERATURE, 1.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise BadDataError(f"{path}: {TEMPERATURE} is {value!r:.40}, not a positive number", "export the model again")
    return float(value)


def write_temperature(path: Path, temperature: float) -> None:
    """Add the temperature to a config.json."""
    write_json(path, read_json(path) | {TEMPERATURE: temperature})
