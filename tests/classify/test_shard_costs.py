"""What the shards of a file read: together little more than one process reads, and the join is about a copy."""

from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks.shards import ROOT, classify_with, measure, measure_start, write_large

MEGABYTES = 40


@pytest.mark.parametrize(("commas", "most"), [(True, 1.6), (False, 5.5)], ids=["quotes", "no quotes"])
def test_shards_read_little_more_than_their_shares(tmp_path: Path, toy_model: Path, commas: bool, most: float) -> None:
    """Without quotes, a border is found by what precedes it: 16 MiB before each of the three."""
    source = tmp_path / "in.csv"
    write_large(source, MEGABYTES, 4000, commas=commas)
    classify = partial(classify_with, ROOT, toy_model)
    figures = measure(tmp_path, source, 4, classify, measure_start(tmp_path, classify), waits=True)
    size = source.stat().st_size
    assert size <= sum(figures.read) <= most * size
    assert figures.join is not None
    assert figures.output_bytes > size
    assert figures.join.written < 1.1 * figures.output_bytes
    assert figures.join.read < 1.5 * figures.output_bytes + (64 << 20)
