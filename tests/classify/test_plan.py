"""Shards of a folder share one list of files, whatever comes to the folder meanwhile."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emotion.classify import plan
from emotion.store.atomic import write_new
from tests.classify.command import Done, emotion


class Folder:
    """A folder of files, and shards that classify it."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.source, self.output, self.model = folder / "in", folder / "out", model
        self.source.mkdir()

    def write(self, *names: str, rows: int = 1) -> None:
        for name in names:
            (self.source / name).write_text("text\n" + "happy\n" * rows)

    def run(self, shard: str, *options: object) -> Done:
        return emotion("classify", self.source, self.output, "--model", self.model, "--shard", shard, *options)

    @property
    def written(self) -> list[str]:
        return sorted(path.name for path in self.output.glob("*.csv"))


@pytest.fixture
def folder(tmp_path: Path, toy_model: Path) -> Folder:
    return Folder(tmp_path, toy_model)


def test_a_file_that_comes_meanwhile_moves_no_other(folder: Folder) -> None:
    folder.write("b.csv", "c.csv", "d.csv")
    assert folder.run("0/3", "--plan", "monday").code == 0
    # The largest and the first by name: shards that listed the folder now would share it out in another way.
    folder.write("a.csv", rows=100)
    for shard in ("1/3", "2/3"):
        done = folder.run(shard, "--plan", "monday")
        assert done.code == 0
        assert f"skipping 1 file that came after the first shard began, such as {folder.source}/a.csv" in (
            " ".join(done.err.split())
        )
    assert folder.written == ["b.csv", "c.csv", "d.csv"]
    assert [folder.run(f"{index}/3", "--plan", "tuesday").code for index in range(3)] == [0, 0, 0]
    assert folder.written == ["a.csv", "b.csv", "c.csv", "d.csv"]


def test_without_a_name_a_changed_folder_is_refused(folder: Folder) -> None:
    folder.write("b.csv", "c.csv")
    assert folder.run("0/2").code == 0
    folder.write("a.csv")
    done = folder.run("1/2")
    assert done.code == 65
    assert "1 file, such as a.csv" in done.err
    assert "--plan NAME" in done.err
    (folder.source / "a.csv").unlink()
    assert folder.run("1/2").code == 0
    assert folder.written == ["b.csv", "c.csv"]


def test_a_file_that_is_gone_fails_in_its_own_shard(folder: Folder) -> None:
    folder.write("a.csv", "b.csv", "c.csv")
    assert folder.run("0/3", "--plan", "x").code == 0
    (folder.source / "c.csv").unlink()
    codes = [folder.run(f"{index}/3", "--plan", "x").code for index in (1, 2)]
    assert sorted(codes) == [0, 65]
    assert folder.written == ["a.csv", "b.csv"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".", "a b", "x" * 101, "\n"])
def test_names_that_are_none(folder: Folder, name: str) -> None:
    folder.write("a.csv", "b.csv")
    done = folder.run("0/2", "--plan", name)
    assert done.code == 2
    assert not folder.output.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"files": 3}',
        b'{"files": [["../../secret.csv", "csv", 1]]}',
        b'{"files": [["/etc/passwd", "csv", 1]]}',
        b'{"files": [["a.csv", "pickle", 1]]}',
        b'{"files": [["a.csv", "csv", -1]]}',
        b'{"files": [["a.csv", "csv"]]}',
        b'{"files": [[1, "csv", 1]]}',
        b'{"files": [["x\\ud800.csv", "csv", 1]]}',
        b'{"files": [["", "csv", 1]]}',
        b'{"files": [["a.csv", "csv", 1], ["a.csv", "csv", 1]]}',
    ],
)
def test_a_damaged_plan_is_refused(folder: Folder, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(plan, "SECONDS", 0)
    folder.write("a.csv", "b.csv")
    folder.output.mkdir()
    (folder.output / ".plan-x-of-2.json").write_bytes(content)
    done = folder.run("0/2", "--plan", "x")
    assert done.code == 65
    assert "is damaged" in done.err
    assert folder.written == []


def test_one_of_many_writers_wins(tmp_path: Path) -> None:
    path = tmp_path / "new" / "plan.json"
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: write_new(path, json.dumps(number).encode()), range(40)))
    assert won.count(True) == 1
    assert json.loads(path.read_text()) == won.index(True)
    assert [found.name for found in path.parent.iterdir()] == ["plan.json"]
