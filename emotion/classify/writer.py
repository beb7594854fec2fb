"""Writes records back in the format of the input, with label and score appended."""

import codecs
import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import IO

from emotion.data.records import Record, Records
from emotion.errors import BadDataError

PREFIX = "predicted_"


def column_names(labels: Sequence[str], all_scores: bool, taken: Sequence[str]) -> list[str]:
    """Names of the appended columns. All get a prefix if the input already has one of them."""
    names = ["label", "score", *(f"score_{label}" for label in labels if all_scores)]
    while not set(names).isdisjoint(taken):
        names = [PREFIX + name for name in names]
    return names


class Writer:
    """Writes records, with appended cells, to a binary file.

    `header_bytes` is the length of what precedes the first record. `prefixed` says that the appended columns got a
    prefix; JSONL decides this per object. `digest` covers all that is written.

    Raises:
        BadDataError: the encoding of the input lacks characters of the model's labels.
    """

    def __init__(self, file: IO[bytes], records: Records, labels: Sequence[str], all_scores: bool) -> None:
        self._file = file
        self._records = records
        self._encoder = codecs.getincrementalencoder(records.encoding)("surrogateescape")
        self._names = lru_cache(64)(partial(column_names, labels, all_scores))
        self._check_labels(labels)
        self.digest = hashlib.sha256()
        self.prefixed = False
        self.header_bytes = self._write_header(records.header)

    def write(self, records: Sequence[Record], added: Sequence[list[str]]) -> None:
        """Write `records`. `added` has label, score and further scores per record, or empty strings."""
        if self._records.header is None:
            lines = map(self._json_line, records, added)
            self._write("".join(lines))
        else:
            width = len(self._records.header)
            rows = ([*_fit(record.fields, width), *cells] for record, cells in zip(records, added, strict=True))
            self._write(self._csv_text(rows))

    def _write_header(self, header: list[str] | None) -> int:
        """Write the column names after the byte order mark, if any. An empty CSV stays empty."""
        if header is None:
            return self._write("")
        if not header:
            return 0
        names = self._names(tuple(header))
        self.prefixed = names[0].startswith(PREFIX)
        return self._write(self._csv_text([[*header, *names]]))

    def _csv_text(self, rows: Iterable[Sequence[str]]) -> str:
        lines: list[str] = []
        delimiter = "\t" if self._records.format == "tsv" else ","
        # csv quotes cells with a \r or a \n only if the line end is \r\n.
        writer = csv.writer(SimpleNamespace(write=lines.append), delimiter=delimiter, lineterminator="\r\n")
        writer.writerows(rows)
        if self._records.line_end == "\r\n":
            return "".join(lines)
        return "".join([line[:-2] + "\n" for line in lines])

    def _json_line(self, record: Record, added: Sequence[str]) -> str:
        """Append the new members to the object's own text. A new object replaces a line that is no object."""
        names = self._names(tuple(record.values or ()))
        self.prefixed = self.prefixed or names[0].startswith(PREFIX)
        start = "{" if record.values is None else record.fields[0][:-1].rstrip()
        comma = ", " if record.values else ""
        return f"{start}{comma}{', '.join(_members(names, added))}}}{self._records.line_end}"

    def _write(self, text: str) -> int:
        content = self._encoder.encode(text)
        self.digest.update(content)
        return self._file.write(content)

    def _check_labels(self, labels: Sequence[str]) -> None:
        try:
            "".join(labels).encode(self._records.encoding)
        except UnicodeEncodeError as error:
            raise BadDataError(
                f"the model's labels cannot be written in the input's encoding, {self._records.encoding}",
                "convert the input to UTF-8 (iconv -t utf-8)",
            ) from error


def _fit(fields: list[str], width: int) -> list[str]:
    """Cut or fill a row to the header's width, so that appended cells are below their names."""
    return fields if len(fields) == width else (fields + [""] * width)[:width]


def _members(names: Sequence[str], added: Sequence[str]) -> Iterator[str]:
    """Yield JSON members: a string for the label, numbers for the scores, null for a missing score."""
    yield f"{_json_string(names[0])}: {_json_string(added[0])}"
    for name, cell in zip(names[1:], added[1:], strict=True):
        yield f"{_json_string(name)}: {cell or 'null'}"


_json_string = lru_cache(256)(partial(json.dumps, ensure_ascii=False))
