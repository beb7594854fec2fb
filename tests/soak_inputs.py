"""Inputs whose shards are killed: large enough for processes that help, small enough for seconds."""

import gzip
import json
import shutil
from itertools import cycle, islice
from pathlib import Path

from emotion.data.sample import generate

ROWS = 16_000
SMALL_FILES = 12
NOTE = "\n".join(['she said ""so"", and went on, as before; ' * 4] * 4)


def write_inputs(folder: Path) -> list[Path]:
    """Write a CSV file, a JSONL file, a packed file, and a folder of small files and a large one."""
    shutil.rmtree(folder, ignore_errors=True)
    texts = [text for text, _ in generate()["test"]]
    rows = [row(number, text) for number, text in enumerate(islice(cycle(texts), ROWS))]
    objects = [json.dumps({"id": number, "text": texts[number % len(texts)], "note": NOTE}) for number in range(ROWS)]
    objects[::97] = ["[]"] * len(objects[::97])
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    (folder / "large.csv").write_text(table(rows))
    (folder / "large.jsonl").write_text("\n".join(objects[: 3 * ROWS // 4]) + "\n")
    (folder / "large.csv.gz").write_bytes(gzip.compress(table(rows[: ROWS // 3]).encode()))
    (inbox / "large.csv").write_text(table(rows[: ROWS // 3]))
    for number in range(SMALL_FILES):
        (inbox / f"small-{number}.csv").write_text(table(rows[number : 40 * (number + 1)]))
    return [folder / name for name in ("large.csv", "large.jsonl", "large.csv.gz", "inbox")]


def row(number: int, text: str) -> str:
    """One row of a CSV file, of several lines. Some have no text, and some a cell too many."""
    if number % 89 == 7:
        return f'{number},"{text}",x,y\n'
    cell = "" if number % 97 == 5 else text.replace(" ", "\n", number % 7 == 0)
    return f'{number},"{cell}","{NOTE}"\n'


def table(rows: list[str]) -> str:
    """A CSV file."""
    return "id,text,note\n" + "".join(rows)
