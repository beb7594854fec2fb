"""Describes how a file is read: facts for a summary, and a sentence for people."""

from typing import Any

from emotion.formatting import count, escape_invisible
from emotion.records.dialect import delimiter_name
from emotion.records.record import Records


def reading(records: Records, column: str) -> dict[str, Any]:
    """Collect facts about how a file is read. `column` has the text; the file may not have this column.

    In a list without a header, the only column has the text.
    """
    encoding = {"encoding": records.codec.name, "line_end": records.line_end}
    if records.header is None:
        return {"format": "jsonl", "text_column": column, **encoding}
    names = records.header
    if len(names) == 1 and records.first is None:
        column = names[0]
    return {
        "format": records.format,
        "text_column": column if column in names else None,
        "columns": len(names),
        "header": records.first is not None,
        "index": records.dialect.unnamed,
        "delimiter": records.dialect.delimiter,
        "quoting": records.dialect.quoting,
        **encoding,
    }


def sentence(facts: dict[str, Any]) -> str:
    """Describe how a file is read, as a line for people."""
    column = f"'{escape_invisible(facts['text_column'] or '')}'"
    if facts["format"] == "jsonl":
        return f"JSONL in {facts['encoding']}, the text under {column}"
    place = f"text in column {column} " + (f"of {facts['columns']:,}" if facts["columns"] > 1 else "alone")
    columns = count(facts["columns"], "column") if facts["text_column"] is None else place
    header = "" if facts["header"] else ", no header"
    quoting = {"csv": "", "line": ", quotes within a line", "none": ", no quotes"}[facts["quoting"]]
    delimiter = delimiter_name(facts["delimiter"])
    return f"{columns}, delimiter {delimiter}{quoting}{header}, {facts['encoding']}"


def doubt(facts: dict[str, Any]) -> str:
    """Give a warning about how a file is read, or an empty string."""
    if not facts.get("index"):
        return ""
    return "the rows have one cell more than the header: the first cell is treated as an index without a name"
