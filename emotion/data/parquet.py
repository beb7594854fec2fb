"""Reads text and label columns of a Parquet file, with the class names of Hugging Face `datasets`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from emotion.data.column_options import column_options
from emotion.errors import BadDataError, InputMissingError
from emotion.formatting import visible


def read_columns(path: Path, text: str, label: str) -> Iterator[tuple[object, object]]:
    """Yield (text, label) of every row. Numbers of a ClassLabel feature become their names.

    Raises:
        InputMissingError: the file does not exist.
        BadDataError: the file is not a complete Parquet file, or a column is missing.
    """
    if not path.is_file():
        raise InputMissingError(f"no such file: {path}")
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            absent = [name for name in (text, label) if schema.names.count(name) != 1]
            if absent:
                what = "more than one column" if absent[0] in schema.names else "no column"
                raise BadDataError(
                    f"{path}: {what} {absent[0]!r}; its columns are {', '.join(map(visible, schema.names))}",
                    f"name the columns with {column_options()}",
                )
            names = _class_names(schema, label)
            table = file.read([text, label])
            texts, labels = table[text].to_pylist(), table[label].to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadDataError(f"{path} is not a complete Parquet file: {error}") from error
    for text_cell, label_cell in zip(texts, labels, strict=True):
        named = isinstance(label_cell, int) and 0 <= label_cell < len(names)
        yield text_cell, names[label_cell] if named else label_cell


def _class_names(schema: Any, column: str) -> list[str]:
    """Give the names of a ClassLabel feature in the order of their numbers; [] for any other feature."""
    try:
        stored = json.loads((schema.metadata or {})[b"huggingface"])
        feature = stored["info"]["features"][column]
        names = feature["names"] if feature["_type"] == "ClassLabel" else []
    except (KeyError, TypeError, ValueError, RecursionError):
        return []
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []
