"""Parts: what they are together, when one is made again, and what they withstand."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emotion.classify import engine, join, part_files
from emotion.classify.tasks import Task
from emotion.errors import BadDataError, TryAgainError
from emotion.records.dialect import DialectOptions
from emotion.store.atomic import write_json
from tests.classify.conftest import CSV, Classify, Part, resealed, write

JSONL = "".join(f'{{"text": "{word}"}}\n' for word in ["happy", "", "scared", '"', "\udcff"] * 9)


@pytest.mark.parametrize("of", [1, 3, 8])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.csv.gz", CSV),
        ("a.csv", CSV.replace("\n", "\r\n")),
        ("a.csv", "\ufeff" + CSV),
        ("a.jsonl", JSONL),
        ("a.jsonl.gz", "\ufeff" + JSONL),
        ("a.tsv", "text\tn\n"),
        ("a.csv", ""),
    ],
)
def test_parts_are_the_whole(tmp_path: Path, run: Classify, part: Part, name: str, content: str, of: int) -> None:
    source = write(tmp_path / name, content)
    whole, joined = tmp_path / f"whole-{name}", tmp_path / f"joined-{name}"
    outcome = run(source, whole)
    shards = [*range(1, of), 0]
    done = [part(source, joined, f"{index}/{of}") for index in shards]
    assert [len(result.missing) for result in done] == list(range(of - 1, -1, -1))
    assert sum(result.counts.rows for result in done) == outcome.counts.rows
    assert joined.read_bytes() == whole.read_bytes()
    errors = [path.with_name(path.name + ".errors.csv") for path in (whole, joined)]
    assert errors[0].exists() == errors[1].exists() == (outcome.counts.errors > 0)
    if outcome.counts.errors:
        assert errors[0].read_bytes() == errors[1].read_bytes()


def test_parts_of_an_encoding_with_a_mark(tmp_path: Path, run: Classify, part: Part) -> None:
    source = tmp_path / "a.csv"
    source.write_text("text\nhappy\nscared\n\u2665\n", "utf-16")
    run(source, tmp_path / "whole.csv", encoding="utf-16")
    for index in range(3):
        part(source, tmp_path / "joined.csv", f"{index}/3", options=DialectOptions(encoding="utf-16"))
    assert (tmp_path / "joined.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_part_that_is_there_is_not_made_again(tmp_path: Path, part: Part) -> None:
    source = write(tmp_path / "a.csv", CSV)
    first = part(source, tmp_path / "out.csv", "0/2")
    written = first.part.stat().st_ino
    again = part(source, tmp_path / "out.csv", "0/2")
    assert (first.skipped, again.skipped) == (False, True)
    assert (again.counts, again.missing) == (first.counts, [1])
    assert first.part.stat().st_ino == written


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def _claim(path: Path) -> None:
    manifest = path.with_name(path.name + ".json")
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(resealed({**content, "shard": 1})))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "part cut": _cut,
    "part gone": lambda path: path.unlink(),
    "errors cut": lambda path: _cut(path.with_name(path.name + ".errors.csv")),
    "errors gone": lambda path: path.with_name(path.name + ".errors.csv").unlink(),
    "manifest cut": lambda path: _cut(path.with_name(path.name + ".json")),
    "manifest foreign": lambda path: path.with_name(path.name + ".json").write_text("[1]"),
    "manifest hollow": lambda path: path.with_name(path.name + ".json").write_text('{"output": ""}'),
    "manifest of another part": _claim,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_is_made_again(tmp_path: Path, part: Part, run: Classify, damage: str) -> None:
    source = write(tmp_path / "a.csv", CSV)
    DAMAGES[damage](part(source, tmp_path / "out.csv", "0/2").part)
    assert not part(source, tmp_path / "out.csv", "0/2").skipped
    assert not part(source, tmp_path / "out.csv", "1/2").missing
    run(source, tmp_path / "whole.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_a_part_that_is_damaged_later_is_not_joined(
    tmp_path: Path, part: Part, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(join, "MANIFEST_SECONDS", 0)
    source = write(tmp_path / "a.csv", CSV)
    damaged = part(source, tmp_path / name, "0/2").part
    _cut(damaged)
    with pytest.raises(BadDataError, match=f"{damaged.name} does not match its manifest"):
        part(source, tmp_path / name, "1/2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", f"{name}.parts"]


def test_a_part_whose_manifest_comes_later_is_waited_for(
    tmp_path: Path, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine may compute other last digits; its part is there before its manifest is."""
    source = write(tmp_path / "a.csv", CSV)
    first = part(source, tmp_path / "out.csv", "0/2").part
    manifest = first.with_name(first.name + ".json")
    other = first.read_bytes().replace(b"joy,0.", b"joy,1.")
    later = resealed({**json.loads(manifest.read_text()), "output": hashlib.sha256(other).hexdigest()})
    first.write_bytes(other)
    monkeypatch.setattr("time.sleep", lambda _seconds: manifest.write_text(json.dumps(later)))
    assert part(source, tmp_path / "out.csv", "1/2").missing == []
    assert (tmp_path / "out.csv").read_bytes().startswith(other)


def test_a_part_that_others_replace_is_made_again(
    tmp_path: Path, part: Part, run: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes with other last digits, or other settings, may write the same part at once."""
    source = write(tmp_path / "a.csv", CSV)
    replaced = 0

    def write_replaced(path: Path, content: object) -> None:
        nonlocal replaced
        write_json(path, content)
        if replaced:
            replaced -= 1
            _cut(path.with_suffix(""))

    monkeypatch.setattr(part_files, "write_json", write_replaced)
    replaced = 1
    for index in (1, 0):
        assert not part(source, tmp_path / "out.csv", f"{index}/2").skipped
    run(source, tmp_path / "whole.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    replaced = 100
    with pytest.raises(TryAgainError, match="other processes write other content to"):
        part(source, tmp_path / "again.csv", "0/2")
    assert not (tmp_path / "again.csv").exists()


def test_joining_again_is_harmless(tmp_path: Path, part: Part) -> None:
    source = write(tmp_path / "a.csv", CSV)
    for index in range(4):
        part(source, tmp_path / "out.csv", f"{index}/4")
    joined = (tmp_path / "out.csv").read_bytes()
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda index: part(source, tmp_path / "out.csv", f"{index}/4"), range(4)))
    assert all(result.skipped and not result.missing for result in done)
    assert (tmp_path / "out.csv").read_bytes() == joined


def test_an_input_that_changes_meanwhile(tmp_path: Path, part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "a.csv", CSV)
    whole = engine.classify_file

    def slow(task: Task, *others: object) -> object:
        outcome = whole(task, *others)  # type: ignore[arg-type]
        write(source, CSV + "more,9\n")
        return outcome

    monkeypatch.setattr(part_files, "classify_file", slow)
    with pytest.raises(BadDataError, match="changed while it was read"):
        part(source, tmp_path / "out.csv", "0/1")
    assert not list(tmp_path.glob("out.csv.parts/*.json"))


def test_an_input_that_changes_while_parts_are_joined(
    tmp_path: Path, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "a.csv", CSV)
    for index in range(2):
        part(source, tmp_path / "out.csv", f"{index}/2")
    (tmp_path / "out.csv").write_text("old")
    append = join._append

    def slow(*arguments: object) -> None:
        append(*arguments)  # type: ignore[arg-type]
        write(source, CSV + "more,9\n")

    monkeypatch.setattr(join, "_append", slow)
    with pytest.raises(BadDataError, match="changed while it was read"):
        part(source, tmp_path / "out.csv", "0/2")
    assert (tmp_path / "out.csv").read_text() == "old"
