"""Shards of an input that is copied, edited or replaced between them, and parts that stay apart."""

import json
import os
import re
from pathlib import Path

import pytest

from emotion.classify import part_files, pieces
from emotion.classify.reader import Chunk, ChunkReader
from emotion.errors import BadDataError
from emotion.store.atomic import write_json
from tests.classify.command import emotion
from tests.classify.conftest import CSV, Classify, Part, errors_of, resealed, write

QUOTED = "id,text\n" + "".join(f'{n},"so\nhappy, {"x" * (n % 9)}"\n{n},\n{n},"a ""b"""\n' for n in range(400))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "FIRST_PIECE", 50)
    monkeypatch.setattr(pieces, "LARGEST_PIECE", 700)


@pytest.mark.parametrize("of", [1, 2, 7, 64])
def test_parts_of_rows_with_several_lines(tmp_path: Path, run: Classify, part: Part, of: int) -> None:
    source = write(tmp_path / "a.csv", QUOTED)
    whole = run(source, tmp_path / "whole.csv")
    done = [part(source, tmp_path / "out.csv", f"{index}/{of}") for index in range(of)]
    assert sum(result.counts.rows for result in done) == whole.counts.rows == 1200
    assert done[-1].whole == whole.counts
    for name in ("{}.csv", "{}.csv.errors.csv"):
        assert (tmp_path / name.format("out")).read_bytes() == (tmp_path / name.format("whole")).read_bytes()


def test_errors_of_a_part_name_its_own_lines(tmp_path: Path, part: Part) -> None:
    source = write(tmp_path / "a.csv", QUOTED)
    for index in range(3):
        made = part(source, tmp_path / "out.csv", f"{index}/3").part
        lines = made.read_text().split("\n")
        for line, reason, record in errors_of(made)[1:]:
            assert reason == "empty text"
            assert re.fullmatch(rf"{record},,", lines[int(line) - 1])


def test_copies_of_an_input_are_one_input(tmp_path: Path, part: Part, run: Classify) -> None:
    """Every machine may have a copy of its own, with its own time."""
    source = write(tmp_path / "a.csv", QUOTED)
    for index in range(4):
        os.utime(source, (index, index))
        made = part(source, tmp_path / "out.csv", f"{index}/4")
    assert made.missing == []
    assert part(source, tmp_path / "out.csv", "0/4").skipped
    run(source, tmp_path / "whole.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_an_edited_input_is_another_input(tmp_path: Path, part: Part, run: Classify) -> None:
    source = write(tmp_path / "a.csv", QUOTED)
    part(source, tmp_path / "out.csv", "0/2")
    part(source, tmp_path / "out.csv", "1/2")
    edited = QUOTED.replace('0,"so\nhappy', '0,"so\nangry', 1)
    assert len(edited) == len(QUOTED)
    write(source, edited)
    again = part(source, tmp_path / "out.csv", "1/2")
    assert (again.skipped, again.missing) == (True, [0])
    assert not part(source, tmp_path / "out.csv", "0/2").skipped
    run(source, tmp_path / "whole.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_parts_that_do_not_follow_one_another_are_not_joined(tmp_path: Path, part: Part) -> None:
    source = write(tmp_path / "a.csv", QUOTED)
    first = part(source, tmp_path / "out.csv", "0/2").part
    manifest = first.with_name(first.name + ".json")
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(resealed({**content, "range": [content["range"][0], content["range"][1] - 9]})))
    with pytest.raises(BadDataError, match="do not follow one another"):
        part(source, tmp_path / "out.csv", "1/2")
    assert not (tmp_path / "out.csv").exists()


def test_parts_may_stay_apart(tmp_path: Path, toy_model: Path, run: Classify) -> None:
    source = write(tmp_path / "a.csv", QUOTED)
    arguments = ("classify", source, tmp_path / "out.csv", "--model", toy_model, "--no-join", "--shard")
    first, second = (emotion(*arguments, f"{index}/2") for index in (0, 1))
    assert "missing: 1 of 2 parts" in first.err
    assert f"all 2 parts of {tmp_path / 'out.csv'} are in {tmp_path / 'out.csv.parts'}" in second.err
    assert not (tmp_path / "out.csv").exists()
    run(source, tmp_path / "whole.csv")
    parts = [(tmp_path / "out.csv.parts" / f"part-0000{index}-of-00002.csv").read_text() for index in (0, 1)]
    header = "id,text,label,score\n"
    assert [part.startswith(header) for part in parts] == [True, True]
    assert parts[0] + parts[1].removeprefix(header) == (tmp_path / "whole.csv").read_text()
    # Whoever wants one file after all runs a shard again.
    assert emotion(*[argument for argument in arguments if argument != "--no-join"], "0/2").code == 0
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_folder_is_shared_out_by_files(tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(6):
        write(tmp_path / "in" / f"{number}.csv", CSV)
    write(tmp_path / "in" / "large.csv", QUOTED * 3)
    arguments = ("classify", tmp_path / "in", "--model", toy_model)
    assert emotion(*arguments[:2], tmp_path / "whole", *arguments[2:]).code == 0
    runs = [emotion(*arguments[:2], tmp_path / "out", *arguments[2:], "--shard", f"{index}/4") for index in range(4)]
    assert [run.code for run in runs] == [0, 0, 0, 0]
    for path in sorted((tmp_path / "whole").iterdir()):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes(), path.name
    again = [emotion(*arguments[:2], tmp_path / "out", *arguments[2:], "--shard", f"{index}/4") for index in range(4)]
    assert sum(run.err.count("exists already") for run in again) == 6 + 4


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("range", [float("inf"), 3]),
        ("range", ["0", "3"]),
        ("range", "12"),
        ("range", [True, 3]),
        ("range", [-1, 3]),
        ("range", [0.0, 3.5]),
        ("range", {}),
        ("counts", {"rows": float("inf")}),
        ("counts", []),
        ("header_bytes", -5),
        ("header_bytes", True),
        ("lines", -3),
        ("lines", None),
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_manifest_with_odd_values_is_none(
    tmp_path: Path, part: Part, key: str, value: object, *, sealed: bool
) -> None:
    source = write(tmp_path / "a.csv", QUOTED)
    first = part(source, tmp_path / "out.csv", "0/2").part
    manifest = first.with_name(first.name + ".json")
    content = {**json.loads(manifest.read_text()), key: value}
    manifest.write_text(json.dumps(resealed(content) if sealed else content))
    os.utime(source)
    assert part(source, tmp_path / "out.csv", "1/2").missing == [0]
    assert not part(source, tmp_path / "out.csv", "0/2").skipped


def test_parts_with_errors_are_none_for_who_wants_none(tmp_path: Path, part: Part) -> None:
    source = write(tmp_path / "a.csv", QUOTED)
    for index in range(2):
        part(source, tmp_path / "out.csv", f"{index}/2")
    with pytest.raises(BadDataError, match="empty text"):
        part(source, tmp_path / "out.csv", "0/2", stop_at_error=True)


def test_an_input_that_changes_before_its_manifest_is_written(
    tmp_path: Path, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "a.csv", QUOTED)

    def change(path: Path, content: object) -> None:
        write(source, QUOTED.replace("happy", "angry"))
        write_json(path, content)

    monkeypatch.setattr(part_files, "write_json", change)
    with pytest.raises(BadDataError, match="changed while it was read"):
        part(source, tmp_path / "out.csv", "1/2")
    monkeypatch.undo()
    assert part(source, tmp_path / "out.csv", "0/2").missing == [1]


@pytest.mark.parametrize("change", ["shrink", "grow", "insert"])
def test_a_file_that_changes_while_it_is_read_is_bad_data(
    tmp_path: Path, run: Classify, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    source = write(tmp_path / "a.csv", QUOTED * 40)
    take = ChunkReader.take

    def change_then_take(reader: ChunkReader, count: int) -> Chunk:
        if source.stat().st_mtime_ns != 1:
            content = {"shrink": QUOTED * 9, "grow": QUOTED * 41, "insert": QUOTED[:9000] + "1,x\n" + QUOTED * 40}[
                change
            ]
            source.write_text(content)
            os.utime(source, ns=(1, 1))
        return take(reader, count)

    monkeypatch.setattr(ChunkReader, "take", change_then_take)
    with pytest.raises(BadDataError, match="changed while it was read"):
        run(source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
