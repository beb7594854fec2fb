"""Writes records unchanged, with label and score appended in the file's dialect."""

import codecs
import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import chain, repeat

from emotion.errors import BadDataError
from emotion.records.batch import PlainRows, Record, Rows
from emotion.records.record import Records
from emotion.records.text_io import Codec

PREFIX = "predicted_"
UNPARSED = "unparsed"


def column_names(labels: Sequence[str], all_scores: bool, model_column: bool, taken: Sequence[str]) -> list[str]:
    """Name the appended columns. All get a prefix if the input already has one of the names."""
    model = ["model"] if model_column else []
    names = ["label", "score", *model, *(f"score_{label}" for label in labels if all_scores)]
    while not set(names).isdisjoint(taken):
        names = [PREFIX + name for name in names]
    return names


class Writer:
    """Appends cells to the records of a file.

    `names` are the names of the new columns or members. `prefixed` is True if they have a prefix. `models` are the
    models that may decide; with `models`, a column names the model that decided.

    Raises:
        BadDataError: the input's encoding or dialect cannot hold the labels or models.
    """

    def __init__(
        self, records: Records, labels: Sequence[str], all_scores: bool, models: Sequence[str] | None = None
    ) -> None:
        taken = records.keys if records.header is None else records.header
        self.names = column_names(labels, all_scores, models is not None, taken)
        # Indices of columns with text.
        self._texts = (0,) if models is None else (0, 2)
        self.prefixed = self.names[0].startswith(PREFIX)
        self._records = records
        self._encode = records.codec.encode
        self._text = lru_cache(256)(self._quoted)
        self._width = len(records.header or ())
        self._check_texts([*labels, *(models or ())])

    def rows(self, batches: Iterable[Rows], added: Sequence[Sequence[str]]) -> bytes:
        """Give the bytes of all batches' rows. `added` has the new columns, in the order of `names`."""
        line = self._json_line if self._records.header is None else self._row
        parts, first = [], 0
        for batch in batches:
            columns = [column[first : first + len(batch)] for column in added]
            if isinstance(batch, PlainRows):
                parts.append(self._plain_rows(batch, columns))
            else:
                parts += map(line, batch.records, zip(*columns, strict=True))
            first += len(batch)
        return b"".join(parts)

    def _plain_rows(self, rows: PlainRows, columns: Sequence[Sequence[str]]) -> bytes:
        """Give the bytes of plain rows, which have a cell for every column of the header."""
        delimiter = repeat(self._records.dialect.delimiter)
        written = (map(self._text, column) if index in self._texts else column for index, column in enumerate(columns))
        cells = chain.from_iterable((delimiter, column) for column in written)
        return "".join(chain.from_iterable(zip(rows.texts, *cells, repeat(rows.end)))).encode()

    def header(self) -> bytes:
        """Give everything before the first record, with the new names in the header."""
        first = self._records.first
        if first is None:
            return self._records.preamble
        width = self._width - self._records.dialect.unnamed
        return self._records.preamble + self._append(first, width, map(self._quoted, self.names))

    def _row(self, record: Record, added: Sequence[str]) -> bytes:
        """Give a row's bytes with the new cells. Scores need no quotes."""
        cells = [self._text(cell) if index in self._texts else cell for index, cell in enumerate(added)]
        return self._append(record, self._width, cells)

    def _append(self, record: Record, width: int, cells: Iterable[str]) -> bytes:
        """Fill a record up to `width`, then append cells: the cells stand below their names."""
        delimiter = self._records.dialect.delimiter
        fill = delimiter * (max(0, width - record.written) + 1)
        return record.raw + self._encode(fill + delimiter.join(cells)) + record.end

    def _quoted(self, cell: str) -> str:
        """Quote a cell as the dialect requires."""
        delimiter, quoting, _ = self._records.dialect
        if quoting == "none" or set(cell).isdisjoint(f'"\r\n{delimiter}'):
            return cell
        return '"' + cell.replace('"', '""') + '"'

    def _json_line(self, record: Record, added: Sequence[str]) -> bytes:
        """Give an object's bytes with the new members before its closing brace.

        A line that is not an object becomes a string in a new object. An object with one of the names stays unchanged.
        """
        members = ", ".join(self._members(added))
        if record.values is None:
            start, rest = self._encode(f'{{"{UNPARSED}": "'), self._encode(f'", {members}}}')
            return start + _escaped(record.raw, self._records.codec) + rest + record.end
        if not record.values.keys().isdisjoint(self.names):
            return record.raw + record.end
        brace = record.raw.rindex(self._encode("}"))
        comma = ", " if record.values else ""
        return record.raw[:brace] + self._encode(comma + members) + record.raw[brace:] + record.end

    def _members(self, added: Sequence[str]) -> Iterator[str]:
        """Yield JSON members: strings for label and model, numbers for the scores, null for a missing score."""
        for index, (name, cell) in enumerate(zip(self.names, added, strict=True)):
            yield f"{_json_string(name)}: {_json_string(cell) if index in self._texts else cell or 'null'}"

    def _check_texts(self, texts: Sequence[str]) -> None:
        text = "".join([*texts, *self.names])
        try:
            text.encode(self._records.codec.name)
        except UnicodeEncodeError as error:
            raise BadDataError(
                f"the input's encoding cannot hold the labels or new columns: {self._records.codec.name}",
                "convert the input to UTF-8 (iconv -t utf-8)",
            ) from error
        delimiter, quoting, _ = self._records.dialect
        breaking = {"csv": "", "line": "\r\n", "none": f"\r\n{delimiter}"}[quoting]
        if self._records.header is not None and not set(text).isdisjoint(breaking):
            raise BadDataError(
                "labels or new columns have characters that need quotes, and this file has none",
                "use --quoting csv, or another --delimiter",
            )


def _escaped(raw: bytes, codec: Codec) -> bytes:
    """Convert a line's bytes to the content of a JSON string.

    Some encodings spell a character in two ways. Characters that need no escape keep their bytes.
    """
    text = codec.decode(raw)
    with contextlib.suppress(UnicodeError):
        if codec.encode(text) == raw:
            return codec.encode(json.dumps(text, ensure_ascii=False)[1:-1])
    decoder = codecs.getincrementaldecoder(codec.name)(codec.errors)
    escaped, taken = bytearray(), bytearray()
    for position, byte in enumerate(raw):
        taken.append(byte)
        if character := decoder.decode(bytes([byte]), position == len(raw) - 1):
            content = json.dumps(character)[1:-1]
            plain = json.dumps(character, ensure_ascii=False)[1:-1] == character
            escaped += taken if plain else content.encode()
            taken.clear()
    return bytes(escaped + taken)


_json_string = lru_cache(256)(partial(json.dumps, ensure_ascii=False))
