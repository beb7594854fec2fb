"""Shards: which texts name none, and how files are spread over them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.classify.shard import Shard, Share, SizedTask, spread
from emotion.classify.tasks import Task, list_tasks
from emotion.errors import UsageError
from tests.classify.conftest import quick


@pytest.mark.parametrize(
    "text", ["", "1", "1/1", "2/1", "-1/2", "0/0", "a/b", "1/2/3", "1.0/2", "0/100000", "\u0660/1"]
)
def test_shards_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a shard"):
        Shard.parse(text)


def test_every_number_is_in_one_shard() -> None:
    for total in (0, 1, 7, 8, 1000):
        taken = [number for index in range(8) for number in Shard(index, 8).of(total)]
        assert taken == list(range(total))


def sized(tasks: list[Task]) -> list[SizedTask]:
    return [SizedTask(task, task.source.stat().st_size) for task in tasks]


def files(folder: Path, sizes: list[int]) -> list[Task]:
    """Sparse files of these sizes, as tasks."""
    folder.mkdir(exist_ok=True)
    for number in range(1000):
        (folder / f"{number:03}.csv").unlink(missing_ok=True)
        if number < len(sizes):
            (folder / f"{number:03}.csv").touch()
            with (folder / f"{number:03}.csv").open("r+b") as file:
                file.truncate(sizes[number])
    return list_tasks(folder, folder.with_name("out")).tasks


def load(shares: list[Share]) -> float:
    return sum(share.task.source.stat().st_size / share.part.count for share in shares)


@quick
@given(st.lists(st.sampled_from([0, 1, 10, 1000, 1001, 50_000, 10**9]), min_size=1, max_size=40), st.integers(1, 40))
def test_every_part_of_every_file_is_in_one_shard(tmp_path: Path, sizes: list[int], count: int) -> None:
    tasks = files(tmp_path / "in", sizes)
    shares = [spread(sized(tasks), Shard(index, count)) for index in range(count)]
    found = sorted((share.task.source, share.part.index, share.part.count) for own in shares for share in own)
    parts = {source: of for source, _, of in found}
    assert found == sorted(
        (task.source, part, parts[task.source]) for task in tasks for part in range(parts[task.source])
    )
    fair = sum(sizes) / count
    # Nobody has twice a share more than another.
    assert max(map(load, shares)) - min(map(load, shares)) <= 2 * max(fair, 1)
    if len(sizes) > 1:
        assert all(parts[task.source] == 1 for task, size in zip(tasks, sizes, strict=True) if size <= fair)


def test_many_small_files_stay_whole(tmp_path: Path) -> None:
    tasks = files(tmp_path / "in", [1000 + number for number in range(200)])
    shares = [spread(sized(tasks), Shard(index, 30)) for index in range(30)]
    assert sum(map(len, shares)) == 200
    assert {len(own) for own in shares} == {6, 7}


def test_one_large_file_among_small_ones_is_cut(tmp_path: Path) -> None:
    tasks = files(tmp_path / "in", [10**6, *[1000] * 50])
    shares = [spread(sized(tasks), Shard(index, 8)) for index in range(8)]
    parts = [share for own in shares for share in own if share.task == tasks[0]]
    assert sorted(share.part.index for share in parts) == list(range(8))
    assert max(map(load, shares)) < 1.1 * sum(map(load, shares)) / 8


def test_a_single_file_has_a_part_for_every_shard(tmp_path: Path) -> None:
    for size in (0, 3, 10**6):
        [task] = files(tmp_path / "in", [size])
        assert [spread(sized([task]), Shard(index, 5)) for index in range(5)] == [
            [Share(task, Shard(index, 5))] for index in range(5)
        ]
