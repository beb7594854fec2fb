"""Shards: which records each has, and which texts name no shard."""

import pytest

from emotion.classify.shard import Shard
from emotion.errors import UsageError


@pytest.mark.parametrize(
    "text", ["", "1", "1/1", "2/1", "-1/2", "0/0", "a/b", "1/2/3", "1.0/2", "0/100000", "\u0660/1"]
)
def test_shards_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no part"):
        Shard.parse(text)


def test_every_record_is_in_one_shard() -> None:
    for total in (0, 1, 7, 8, 1000):
        taken = [number for index in range(8) for number in Shard(index, 8).records(total)]
        assert taken == list(range(total))
