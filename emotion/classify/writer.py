"""Gives records as they are, with label and score appended in the dialect of the file."""

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


def column_names(labels: Sequence[str], all_scores: bool, taken: Sequence[str]) -> list[str]:
    """Names of the appended columns. All get a prefix if the input already has one of them."""
    names = ["label", "score", *(f"score_{label}" for label in labels if all_scores)]
    while not set(names).isdisjoint(taken):
        names = [PREFIX + name for name in names]
    return names


class Writer:
    """Appends cells to the records of a file.

    `names` are the names of the new columns or members. `prefixed` says that they have a prefix.

    Raises:
        BadDataError: the model's labels cannot be written in the encoding or the dialect of the input.
    """

    def __init__(self, records: Records, labels: Sequence[str], all_scores: bool) -> None:
        taken = records.keys if records.header is None else records.header
        self.names = column_names(labels, all_scores, taken)
        self.prefixed = self.names[0].startswith(PREFIX)
        self._records = records
        self._encode = records.codec.encode
        self._label = lru_cache(256)(self._quoted)
        self._width = len(records.header or ())
        self._check_labels(labels)

    def rows(self, batches: Iterable[Rows], added: Sequence[Sequence[str]]) -> bytes:
        """Bytes of the rows of all batches. `added` are the new columns: labels, scores, further scores."""
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
        """Bytes of plain rows, which have a cell for every column of the header."""
        delimiter = repeat(self._records.dialect.delimiter)
        cells = chain.from_iterable((delimiter, column) for column in (map(self._label, columns[0]), *columns[1:]))
        return "".join(chain.from_iterable(zip(rows.texts, *cells, repeat(rows.end)))).encode()

    def header(self) -> bytes:
        """All that precedes the first record: what the input has, with the new names in the header."""
        first = self._records.first
        if first is None:
            return self._records.preamble
        width = self._width - self._records.dialect.unnamed
        return self._records.preamble + self._append(first, width, map(self._quoted, self.names))

    def _row(self, record: Record, added: Sequence[str]) -> bytes:
        """A row's own bytes, and the new cells. Scores need no quotes."""
        return self._append(record, self._width, [self._label(added[0]), *added[1:]])

    def _append(self, record: Record, width: int, cells: Iterable[str]) -> bytes:
        """Append cells to a record, which is filled up to `width`, so that they stand below their names."""
        delimiter = self._records.dialect.delimiter
        fill = delimiter * (max(0, width - record.written) + 1)
        return record.raw + self._encode(fill + delimiter.join(cells)) + record.end

    def _quoted(self, cell: str) -> str:
        """A cell as the dialect writes it."""
        delimiter, quoting, _ = self._records.dialect
        if quoting == "none" or set(cell).isdisjoint(f'"\r\n{delimiter}'):
            return cell
        return '"' + cell.replace('"', '""') + '"'

    def _json_line(self, record: Record, added: Sequence[str]) -> bytes:
        """An object's own bytes with the new members before its closing brace.

        A line that is no object becomes a string in a new object. An object that has one of the names stays as it is.
        """
        members = ", ".join(_members(self.names, added))
        if record.values is None:
            start, rest = self._encode(f'{{"{UNPARSED}": "'), self._encode(f'", {members}}}')
            return start + _escaped(record.raw, self._records.codec) + rest + record.end
        if not record.values.keys().isdisjoint(self.names):
            return record.raw + record.end
        brace = record.raw.rindex(self._encode("}"))
        comma = ", " if record.values else ""
        return record.raw[:brace] + self._encode(comma + members) + record.raw[brace:] + record.end

    def _check_labels(self, labels: Sequence[str]) -> None:
        text = "".join([*labels, *self.names])
        try:
            text.encode(self._records.codec.name)
        except UnicodeEncodeError as error:
            raise BadDataError(
                f"the model's labels cannot be written in the input's encoding, {self._records.codec.name}",
                "convert the input to UTF-8 (iconv -t utf-8)",
            ) from error
        delimiter, quoting, _ = self._records.dialect
        breaking = {"csv": "", "line": "\r\n", "none": f"\r\n{delimiter}"}[quoting]
        if self._records.header is not None and not set(text).isdisjoint(breaking):
            raise BadDataError(
                "labels or new columns have characters that this file cannot hold without quotes",
                "use --quoting csv, or another --delimiter",
            )


def _escaped(raw: bytes, codec: Codec) -> bytes:
    """Bytes of a line as the content of a JSON string.

    Some encodings have two spellings of a character. Characters that need no escape keep their own bytes.
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


def _members(names: Sequence[str], added: Sequence[str]) -> Iterator[str]:
    """Yield JSON members: a string for the label, numbers for the scores, null for a missing score."""
    yield f"{_json_string(names[0])}: {_json_string(added[0])}"
    for name, cell in zip(names[1:], added[1:], strict=True):
        yield f"{_json_string(name)}: {cell or 'null'}"


_json_string = lru_cache(256)(partial(json.dumps, ensure_ascii=False))
