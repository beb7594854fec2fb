"""Classifies many generated files and checks every output: `python -m tests.classify.many_files --files 10000`."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.classify.command import Done, classify_content
from tests.classify.cutting import insertions
from tests.classify.generated_files import Generated, damaged_tables, json_files, tables
from tests.toy import write_model

FILES: dict[str, st.SearchStrategy[Generated]] = {
    "tables": tables(),
    "damaged tables": damaged_tables(),
    "JSONL": json_files(),
}


def check(folder: Path, model: Path, file: Generated) -> Done:
    """Classify a file, and check every byte and every label of the output."""
    done = classify_content(folder, model, file.content, *file.options, name=f"in{file.dialect.suffix}")
    if file.rows is None and not done.output.exists():
        assert done.code == 65, done.err
        return done
    labels, padding = cut(file, done)
    assert done.code == (0 if any(labels) or not labels else 65), done.err
    assert len(done.errors) == sum(not label for label in labels), done.errors
    if file.rows is not None:
        assert [label and (right is None or right) for label, right in zip(labels, file.rows, strict=True)] == [
            True if right is None else right for right in file.rows
        ], labels
        assert padding == file.padding
    return done


def cut(file: Generated, done: Done) -> tuple[list[str | None], list[int]]:
    """Cut the new cells off; give the rows' labels, and the delimiters that pad short rows."""
    if file.dialect.suffix == ".jsonl":
        return done.json_labels(file.dialect.encoding), []
    found = insertions(file.content, done.written, file.dialect.delimiter, file.dialect.encoding)
    rows = found[file.dialect.header :]
    return [label for _, label, _ in rows], [count for *_, count in rows]


def check_shards(folder: Path, model: Path, file: Generated) -> None:
    """Check that shards, once joined, are what one process writes."""
    whole = check(folder, model, file)
    written = whole.written if whole.output.exists() else None
    source, output = (f"{name}{file.dialect.suffix}" for name in ("in", "joined"))
    codes = []
    for index in range(2):
        options = [*file.options, "--shard", f"{index}/2"]
        last = classify_content(folder, model, file.content, *options, name=source, to=output)
        codes.append(last.code)
    # A row that two readings of its quotes are possible for fails only the shard that has it.
    assert max(codes) == whole.code, codes
    assert (last.written if last.output.exists() else None) == written


def check_many(folder: Path, model: Path, kind: str, count: int, start: int) -> Counter[int]:
    """Check `count` files of a kind, every tenth in shards, too; give how often every exit code came."""
    codes: Counter[int] = Counter()

    @seed(start)
    @settings(max_examples=count, deadline=None, database=None, report_multiple_bugs=False)
    @given(FILES[kind], st.integers(0, 9))
    def run(file: Generated, number: int) -> None:
        if number == 0:
            check_shards(folder, model, file)
        codes[check(folder, model, file).code] += 1

    run()
    return codes


def main() -> None:
    """Check as many files as `--files` says, a third of every kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = write_model(folder / "model")
        for kind in FILES:
            codes = check_many(folder, model, kind, -(-options.files // len(FILES)), options.seed)
            seconds = time.monotonic() - started
            sys.stdout.write(f"{kind}: {codes.total():,} files, exit codes {dict(codes)}, {seconds:.0f} s\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
