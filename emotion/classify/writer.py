"""Rows back to the format that they came in, with label and score appended."""

import codecs
import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import IO

from emotion.data.records import Record, Records
from emotion.errors import BadDataError

PREFIX = "predicted_"


def column_names(labels: Sequence[str], all_scores: bool, taken: Sequence[str]) -> list[str]:
    """Names of the appended columns; where the input has one of them already, all get a prefix."""
    names = ["label", "score", *(f"score_{label}" for label in labels if all_scores)]
    while not set(names).isdisjoint(taken):
        names = [PREFIX + name for name in names]
    return names


class Writer:
    """Writes records to a binary file, each with the cells that are appended to it.

    `header_bytes` is how much stands before the first record, and `prefixed` whether the appended columns
    had to be renamed. For JSONL each object is looked at by itself. `digest` takes in all that is written.

    Raises:
        BadDataError: the encoding of the input has no characters for the model's labels.
    """

    def __init__(self, file: IO[bytes], records: Records, labels: Sequence[str], all_scores: bool) -> None:
        self._file = file
        self._records = records
        self._encoder = codecs.getincrementalencoder(records.encoding)("surrogateescape")
        self._names = lru_cache(64)(partial(column_names, labels, all_scores))
        self._check(labels)
        self.digest = hashlib.sha256()
        self.prefixed = False
        self.header_bytes = self._write_header(records.header)

    def write(self, rows: Sequence[Record], added: Sequence[list[str]]) -> None:
        """Append `rows`; `added` are label, score and further scores of each, or empty strings."""
        if self._records.header is None:
            lines = map(self._json_line, rows, added)
            self._write("".join(lines))
        else:
            width = len(self._records.header)
            cells = (_fitted(row.fields, width) for row in rows)
            self._write(self._csv_text([[*kept, *more] for kept, more in zip(cells, added, strict=True)]))

    def _write_header(self, header: list[str] | None) -> int:
        """Write the names, with the byte order mark, if any; an empty CSV stays empty."""
        if header is None:
            return self._write("")
        if not header:
            return 0
        names = self._names(tuple(header))
        self.prefixed = names[0].startswith(PREFIX)
        return self._write(self._csv_text([[*header, *names]]))

    def _csv_text(self, rows: Sequence[Sequence[str]]) -> str:
        parts: list[str] = []
        delimiter = "\t" if self._records.format == "tsv" else ","
        # Only with this line end does csv quote the cells that have a \r or a \n.
        writer = csv.writer(SimpleNamespace(write=parts.append), delimiter=delimiter, lineterminator="\r\n")
        writer.writerows(rows)
        if self._records.line_end == "\r\n":
            return "".join(parts)
        return "".join([part[:-2] + "\n" for part in parts])

    def _json_line(self, row: Record, added: Sequence[str]) -> str:
        """Splice the new keys into the object's own text; what is no object gives place to a new one."""
        names = self._names(tuple(row.values or ()))
        self.prefixed = self.prefixed or names[0].startswith(PREFIX)
        start = "{" if row.values is None else row.fields[0][:-1].rstrip()
        comma = ", " if row.values else ""
        return f"{start}{comma}{', '.join(_members(names, added))}}}{self._records.line_end}"

    def _write(self, text: str) -> int:
        content = self._encoder.encode(text)
        self.digest.update(content)
        return self._file.write(content)

    def _check(self, labels: Sequence[str]) -> None:
        try:
            "".join(labels).encode(self._records.encoding)
        except UnicodeEncodeError as error:
            raise BadDataError(
                f"the model's labels cannot be written in the input's encoding, {self._records.encoding}",
                "convert the input to UTF-8 (iconv -t utf-8)",
            ) from error


def _fitted(fields: list[str], width: int) -> list[str]:
    """Cut or fill a row to the header's width, so that the appended cells stand under their names."""
    return fields if len(fields) == width else (fields + [""] * width)[:width]


def _members(names: Sequence[str], added: Sequence[str]) -> Iterator[str]:
    """Give JSON members: a string for the label, numbers for the scores, null where there is none."""
    yield f"{_quoted(names[0])}: {_quoted(added[0])}"
    for name, cell in zip(names[1:], added[1:], strict=True):
        yield f"{_quoted(name)}: {cell or 'null'}"


_quoted = lru_cache(256)(partial(json.dumps, ensure_ascii=False))
