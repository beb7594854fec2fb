"""Generates files of records in every dialect, and knows what is in them; and the same files with damage."""

from dataclasses import dataclass

from hypothesis import strategies as st

FEELINGS = {"happy": "joy", "furious": "anger", "scared": "fear"}
# Characters that an encoding has: second bytes and halves of some look like delimiters, quotes or line ends.
ENCODINGS = {
    "utf-8": "é日\u2028\x85\U0001f600",
    "utf-8-sig": "é日\u2029\U0001f600",
    "utf-16-le": "\u222c\u2c22\u0d0a\u0a0d\u7c7c\U0001f600",
    "utf-16-be": "\u222c\u2c22\u0d0a\u0a0d\u3b09\U0001f600",
    "cp1252": "é€\xa0ÿ“",
    "shift_jis": "ポ表ソ、｢",
    "latin-1": "é\x85\xa0ÿ",
}
# Bytes that are no text, in encodings that have such.
INVALID = {"utf-8": b"\xff", "utf-8-sig": b"\xe9", "cp1252": b"\x81", "shift_jis": b"\x81"}
ENDS = ("\n", "\r\n", "\r")
# A line, its right label, and the cells that it lacks.
Row = tuple[str, str | None, int]
BLANK: Row = ("", "", 0)
FILLERS = ("so", "very", "today", "'", "?!", "\\", "  ", "#", "-", "/")


@dataclass(frozen=True)
class Dialect:
    """How a file is written. `mark`: UTF-16 has a byte order mark. `said`: an option says the delimiter."""

    suffix: str
    delimiter: str
    quoting: str | None
    encoding: str
    mark: bool
    end: str
    header: bool
    said: bool

    def options(self, text_column: int) -> list[str]:
        """Options of the command that a person needs for this file."""
        found = []
        if self.encoding.startswith("utf-16"):
            found += ["--encoding", "utf-16" if self.mark else self.encoding]
        elif not self.encoding.startswith("utf-8"):
            found += ["--encoding", self.encoding]
        if self.said and self.suffix != ".jsonl":
            found += ["--delimiter", "tab" if self.delimiter == "\t" else self.delimiter]
        if self.quoting is not None:
            found += ["--quoting", self.quoting]
        return found if self.header else [*found, "--no-header", "--text-column", str(text_column + 1)]

    def encode(self, text: str) -> bytes:
        """Bytes of the file's text; a lone surrogate is a byte that is no text."""
        whole = "\ufeff" + text if self.mark else text
        return whole.encode(self.encoding, "surrogateescape" if self.encoding in INVALID else "strict")


@dataclass(frozen=True)
class Generated:
    """A file, and what is right for its rows: a label, "" where there can be none, None for any label.

    `rows` is None for a file with damage. `padding` counts the delimiters that short rows lack. The first `protected`
    bytes say the dialect, and are never damaged.
    """

    dialect: Dialect
    content: bytes
    options: list[str]
    rows: list[str | None] | None
    padding: list[int]
    protected: int = 0


@st.composite
def dialects(draw: st.DrawFn, *, one_column: bool) -> Dialect:
    """Every dialect of CSV and TSV. A file of one column has the delimiter of its suffix."""
    suffix = draw(st.sampled_from([".csv", ".tsv"]))
    header = draw(st.booleans())
    encoding = draw(st.sampled_from(list(ENCODINGS)))
    own = "," if suffix == ".csv" else "\t"
    return Dialect(
        suffix=suffix,
        delimiter=own if one_column else draw(st.sampled_from(",;|\t")),
        quoting=draw(st.sampled_from([None, None, "csv", "none"])),
        encoding=encoding,
        mark=encoding.startswith("utf-16") and draw(st.booleans()),
        end=draw(st.sampled_from(ENDS)),
        header=header,
        said=not header or draw(st.booleans()),
    )


@st.composite
def tables(draw: st.DrawFn) -> Generated:
    """A CSV or TSV file that is read in one way only, ragged rows and empty texts among the good ones."""
    width = draw(st.integers(1, 4))
    dialect = draw(dialects(one_column=width == 1))
    text_column = draw(st.integers(0, width - 1))
    # A first row of another width would say that rows have names; its first line end is the file's own.
    found = [draw(_rows(dialect, width, text_column, first=True))]
    for number in range(draw(st.integers(0, 6))):
        found += [BLANK] * draw(st.sampled_from([0, 0, 0, 1, 2]))
        # Without a header, most rows say how many columns the file has.
        ragged = dialect.header or number % 3 == 2
        found += [draw(_rows(dialect, width, text_column, ragged=ragged))]
    found += [BLANK] * draw(st.sampled_from([0, 0, 1]))
    if not dialect.header and not found[0][0] and len(found) > 1:
        # Without a header, the first line that is not blank says how many columns the file has.
        found[0] = ("happy", "joy", 0)
    head = draw(_headers(dialect, width, text_column))
    lines = [line + dialect.end for line, *_ in found]
    if found[-1][0] and draw(st.booleans()):
        lines[-1] = lines[-1].removesuffix(dialect.end)
    rows = [row for row in found if width == 1 or row is not BLANK]
    return Generated(
        dialect,
        dialect.encode(head + "".join(lines)),
        dialect.options(text_column),
        [label for _, label, _ in rows],
        [missing for *_, missing in rows],
        len(dialect.encode(head + ("" if dialect.header else lines[0]))),
    )


@st.composite
def _headers(draw: st.DrawFn, dialect: Dialect, width: int, text_column: int) -> str:
    if not dialect.header:
        return ""
    names = list(draw(st.permutations(["id", "a name", "label", "score"])))[:width]
    names[text_column] = "text"
    quote = '"' if dialect.quoting != "none" and draw(st.booleans()) else ""
    line = dialect.delimiter.join(f"{quote}{name}{quote}" for name in names) + dialect.end
    named = width > 1 and not dialect.said and dialect.quoting is None and draw(st.booleans())
    return f"sep={dialect.delimiter}{dialect.end}{line}" if named else line


@st.composite
def _rows(
    draw: st.DrawFn, dialect: Dialect, width: int, text_column: int, *, first: bool = False, ragged: bool = False
) -> Row:
    count = width if not ragged else draw(st.sampled_from([width] * 6 + [max(1, width - 1), width + 1, width + 3]))
    cells = [draw(_cells(dialect, plain=first)) for _ in range(count)]
    if count < width and dialect.delimiter == "\t" and dialect.quoting is None:
        # Quotes around a delimiter would be two cells where the row lacks one.
        cells = [cell.replace(dialect.delimiter, " ") for cell in cells]
    label: str | None = ""
    if count == width:
        cells[text_column], label = draw(_texts(dialect, plain=first))
    line = dialect.delimiter.join(cells)
    if width > count == 1 and not line.strip():
        line = "x"
    return line, label, max(0, width - count)


@st.composite
def _texts(draw: st.DrawFn, dialect: Dialect, *, plain: bool) -> tuple[str, str | None]:
    kind = draw(st.sampled_from(["feeling"] * 5 + ["filler", "empty", "invalid"]))
    if kind == "invalid" and dialect.encoding in INVALID:
        return f"happy {INVALID[dialect.encoding].decode('ascii', 'surrogateescape')} so", ""
    if kind == "empty":
        return draw(st.sampled_from(["", " ", "  "] if dialect.quoting == "none" else ["", " ", '""', '"  "'])), ""
    if kind == "filler":
        return "so today", None
    word = draw(st.sampled_from(list(FEELINGS)))
    return draw(_cells(dialect, word, plain=plain)), FEELINGS[word]


@st.composite
def _cells(draw: st.DrawFn, dialect: Dialect, word: str = "", *, plain: bool) -> str:
    """A cell as it is written, quoted where it must be, or for no reason. A plain cell has no line ends."""
    quoted = dialect.quoting != "none" and draw(st.booleans())
    pieces = [*FILLERS, *ENCODINGS[dialect.encoding]]
    if quoted:
        pieces += [dialect.delimiter, '""', ",", ";", *([] if plain else _spanning(dialect))]
    else:
        pieces += ['"', 'a "b" c'] if dialect.quoting != "csv" else []
        pieces += [] if plain or dialect.end == "\r" else ["a\rb"]
    words = draw(st.lists(st.sampled_from(pieces), max_size=4))
    words.insert(draw(st.integers(0, len(words))), word)
    text = " ".join(filter(None, words))
    if quoted:
        return f'"{text}"'
    return f"x {text}" if text.lstrip().startswith('"') and dialect.quoting != "none" else text


def _spanning(dialect: Dialect) -> list[str]:
    """Line ends within a quoted cell, where the dialect lets fields span lines."""
    if dialect.quoting != "csv" and (dialect.suffix == ".tsv" or dialect.delimiter == "\t"):
        return []
    return [dialect.end, dialect.end * 2] if dialect.end == "\r" else ["\n", "\r\n", "\r", "\n\n"]


@st.composite
def json_files(draw: st.DrawFn) -> Generated:
    """A JSONL file with objects, other lines and blank lines."""
    encoding = draw(st.sampled_from(list(ENCODINGS)))
    mark = encoding.startswith("utf-16") and draw(st.booleans())
    end = draw(st.sampled_from(ENDS))
    dialect = Dialect(".jsonl", ",", None, encoding, mark, end, header=True, said=False)
    lines: list[str] = []
    rows: list[str | None] = []
    for _ in range(draw(st.integers(1, 7))):
        line, label = draw(_json_lines(encoding, first=not rows))
        lines.append(line)
        rows += [label] if line.strip() else []
    content = end.join(lines) + draw(st.sampled_from([end, end, "" if lines[-1] else end]))
    return Generated(dialect, dialect.encode(content), dialect.options(0), rows, [])


@st.composite
def _json_lines(draw: st.DrawFn, encoding: str, *, first: bool) -> tuple[str, str | None]:
    kind = "object" if first else draw(st.sampled_from(["object"] * 4 + ["other key", "blank", "no object", "cut"]))
    space = draw(st.sampled_from(["", " ", "  "]))
    pieces = [*ENCODINGS[encoding], "so", "\\n", "}", '\\"', "{", "\\u00e9"]
    inner = " ".join(draw(st.lists(st.sampled_from(pieces), max_size=3)))
    word = draw(st.sampled_from(list(FEELINGS)))
    member = f'"text"{space}:{space}"{inner} {word}"'
    if kind == "blank":
        return "", None
    if kind == "other key":
        return f'{{"message": "{inner} happy"}}', ""
    if kind == "no object":
        return draw(st.sampled_from([f'["{inner}"]', "7", f"so {word} {inner}", f"{{{member}}},", "null"])), ""
    if kind == "cut":
        return f"{space}{{{member}", ""
    more = draw(st.sampled_from(["", ', "n": 1.0e2', ', "m": {"n": [{}]}', f', "n": "{inner}"']))
    return f"{space}{{{space}{member}{more}{space}}}{space}", FEELINGS[word]


@st.composite
def damaged_tables(draw: st.DrawFn) -> Generated:
    """A table whose rows are damaged: bytes put in, taken away, the end cut off."""
    file = draw(tables())
    unit = 2 if file.dialect.encoding.startswith("utf-16") else 1
    data = bytearray(file.content)
    for _ in range(draw(st.integers(1, 4))):
        at = file.protected + unit * draw(st.integers(0, (len(data) - file.protected) // unit))
        data[at : at + unit * draw(st.sampled_from([0, 0, 1, 3, 10_000]))] = draw(_noise(file.dialect))
    return Generated(file.dialect, bytes(data), file.options, None, [], file.protected)


@st.composite
def _noise(draw: st.DrawFn, dialect: Dialect) -> bytes:
    invisible = ["\ufeff", "\u200b", "\x1a"]
    text = draw(st.sampled_from(['"', '""', '"' + dialect.end, dialect.delimiter, dialect.end, "", "text", *invisible]))
    if not dialect.encoding.startswith("utf-16") and draw(st.sampled_from([False, False, True])):
        return draw(st.sampled_from([b"\xff", b"\xc3", b"\x81", b"\xed\xa0\x80", b"\xef\xbb\xbf"]))
    return text.encode(dialect.encoding.removesuffix("-sig"), "ignore")
