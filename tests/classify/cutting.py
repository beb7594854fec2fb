"""Cuts the new cells off an output, without the project's readers, and compares the rest with the input.

Files are compared in code units: bytes, or pairs of bytes in UTF-16. A unit is one character of a `str`, so that
neither decoding nor invalid bytes change anything.
"""

import json
import re
from typing import Literal

LABELS = "anger|fear|joy"
PREFIX = "(?:predicted_)*"


def cut_cells(content: bytes, written: bytes, delimiter: str, encoding: str = "utf-8") -> list[str]:
    """Cut the cells off a CSV or TSV output and give the first new cell of each record, the header's too.

    Raises:
        AssertionError: the output is something else than the input with new cells at the ends of lines.
    """
    return [label for _, label, _ in insertions(content, written, delimiter, encoding)]


def insertions(content: bytes, written: bytes, delimiter: str, encoding: str = "utf-8") -> list[tuple[int, str, int]]:
    """Cut the cells off; give the line (from 0) of each record's end, its first new cell, and the cells of padding."""
    source, output = units(content, encoding), units(written, encoding)
    pattern = new_cells(delimiter)
    found, at = [], 0
    for number, (line, end) in enumerate(split_lines(source)):
        assert output.startswith(line, at), f"line {number + 1}: {line!r} became {output[at : at + len(line) + 40]!r}"
        at += len(line)
        if match := pattern.match(output, at):
            found.append((number, match["label"], len(match["padding"])))
            at = match.end()
        assert output.startswith(end, at), f"line {number + 1}: {end!r} became {output[at : at + 40]!r}"
        at += len(end)
    assert at == len(output), f"more than the input has: {output[at : at + 80]!r}"
    return found


def new_cells(delimiter: str) -> re.Pattern[str]:
    """What is put in before a line end: padding, label and score, or their names."""
    between = re.escape(delimiter)
    label, score = rf"(?P<label>{PREFIX}label|{LABELS}|)", rf"(?:{PREFIX}score|[01]\.\d+|)"
    return re.compile(rf"(?P<padding>(?:{between})*){between}{label}{between}{score}(?=[\r\n]|\Z)")


def cut_members(content: bytes, written: bytes, encoding: str = "utf-8") -> list[str | None]:
    """Cut the members off a JSONL output; give the label of each line that is not blank, None where nothing is added.

    Raises:
        AssertionError: the output is something else than the input with members before closing braces.
    """
    before, after = (split_lines(units(data, encoding)) for data in (content, written))
    assert [end for _, end in before] == [end for _, end in after]
    pairs = [(line, new) for (line, _), (new, _) in zip(before, after, strict=True)]
    kept = [(line, new) for line, new in pairs if line.strip() or line != new]
    return [None if line == new else _cut_line(line, new, encoding) for line, new in kept]


def _cut_line(line: str, new: str, encoding: str) -> str:
    members = rf'(?:, )?"{PREFIX}label": "(?P<label>{LABELS}|)", "{PREFIX}score": (?:[01]\.\d+|null)'
    brace = line.rfind("}")
    match = re.compile(members).match(new, brace) if brace >= 0 else None
    if match and new[:brace] + new[match.end() :] == line:
        return match["label"]
    kept = json.loads(text(new, encoding))
    assert kept.get("unparsed") == text(line, encoding), f"{line!r} became {new!r}"
    assert re.fullmatch(f"unparsed {PREFIX}label {PREFIX}score", " ".join(kept)), kept
    assert list(kept.values())[1:] == ["", None], kept
    return ""


def split_lines(source: str) -> list[tuple[str, str]]:
    r"""Split into lines and their ends; a lone \r ends lines only where it ends the first, or where \r\n is cut off.

    A first \r is a part of the first line if no more \r than \n end lines.
    """
    found_ends = re.findall(r"\r*\n|\r", source)
    returns = found_ends.count("\r")
    first = re.search(r"\r?\n|\r" if 2 * returns > len(found_ends) else r"\r?\n", source)
    ends = {"\r": "\r", "\n": "\r?\n", "\r\n": r"\r?\n|\r\Z"}
    end = ends[first[0]] if first is not None else "\r?\n"
    found = [(match[1], match[2]) for match in re.finditer(rf"(?s)(.*?)({end}|\Z)", source)]
    return [pair for pair in found if pair != ("", "")]


def units(data: bytes, encoding: str) -> str:
    """Code units as characters."""
    order = _order(data, encoding)
    if order is None:
        return data.decode("latin-1")
    assert len(data) % 2 == 0
    return "".join(chr(int.from_bytes(data[at : at + 2], order)) for at in range(0, len(data), 2))


def text(found: str, encoding: str) -> str:
    """Decode code units."""
    if encoding.startswith("utf-16"):
        return found.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    return found.encode("latin-1").decode(encoding, "surrogateescape")


def _order(data: bytes, encoding: str) -> Literal["big", "little"] | None:
    if not encoding.startswith("utf-16"):
        return None
    return "big" if encoding.endswith("be") or data.startswith(b"\xfe\xff") else "little"
