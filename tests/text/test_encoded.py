"""Encoded texts: padding on both sides, cut and added, and the model's inputs by name."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers

from emotion.text.encoded import Encoded, encode

PAD = 9
RIGHT = Encoded(np.asarray([[1, 2, 9, 9], [3, 9, 9, 9], [9, 9, 9, 9]], np.int32), np.asarray([2, 1, 0], np.int32), PAD)
LEFT = Encoded(
    np.asarray([[9, 9, 1, 2], [9, 9, 9, 3], [9, 9, 9, 9]], np.int32), np.asarray([2, 1, 0], np.int32), PAD, left=True
)


def tokenizer(*, length: int | None, direction: str = "right") -> Tokenizer:
    """Give a tokenizer of the words a, b and c, whose padding is 9."""
    backend = Tokenizer(models.WordLevel({"a": 0, "b": 1, "c": 2, "[PAD]": PAD, "?": 4}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.enable_truncation(3)
    backend.enable_padding(direction=direction, pad_id=PAD, length=length)
    return backend


def mask(texts: Encoded) -> list[list[int]]:
    found: NDArray[np.int32] = texts.inputs(["attention_mask"])["attention_mask"]
    assert found.dtype == np.int32
    return [[int(value) for value in row] for row in found]


@pytest.mark.parametrize(
    ("texts", "length", "ids", "masks"),
    [
        (RIGHT, 2, [[1, 2], [3, 9], [9, 9]], [[1, 1], [1, 0], [0, 0]]),
        (RIGHT, 3, [[1, 2, 9], [3, 9, 9], [9, 9, 9]], [[1, 1, 0], [1, 0, 0], [0, 0, 0]]),
        (RIGHT, 4, RIGHT.ids.tolist(), [[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]),
        (RIGHT, 5, [[1, 2, 9, 9, 9], [3, 9, 9, 9, 9], [9] * 5], [[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0] * 5]),
        (LEFT, 2, [[1, 2], [9, 3], [9, 9]], [[1, 1], [0, 1], [0, 0]]),
        (LEFT, 3, [[9, 1, 2], [9, 9, 3], [9, 9, 9]], [[0, 1, 1], [0, 0, 1], [0, 0, 0]]),
        (LEFT, 4, LEFT.ids.tolist(), [[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]),
        (LEFT, 5, [[9, 9, 9, 1, 2], [9, 9, 9, 9, 3], [9] * 5], [[0, 0, 0, 1, 1], [0, 0, 0, 0, 1], [0] * 5]),
    ],
)
def test_padding_is_cut_or_added(texts: Encoded, length: int, ids: list[list[int]], masks: list[list[int]]) -> None:
    found = texts.padded_to(length)
    assert found.ids.tolist() == ids
    assert found.ids.dtype == np.int32
    assert mask(found) == masks
    assert (found.lengths.tolist(), found.pad, found.left) == ([2, 1, 0], PAD, texts.left)


@pytest.mark.parametrize("texts", [RIGHT, LEFT])
def test_rows_are_in_the_order_that_was_asked_for(texts: Encoded) -> None:
    found = texts.rows(np.asarray([2, 0, 0], np.int64))
    assert len(found) == 3
    assert found.ids.tolist() == [texts.ids[2].tolist(), texts.ids[0].tolist(), texts.ids[0].tolist()]
    assert (found.lengths.tolist(), found.pad, found.left) == ([0, 2, 2], PAD, texts.left)


def test_inputs_are_those_that_are_named_in_that_order() -> None:
    found = RIGHT.inputs(["token_type_ids", "input_ids"])
    assert list(found) == ["token_type_ids", "input_ids"]
    assert found["input_ids"].tolist() == RIGHT.ids.tolist()
    assert found["token_type_ids"].tolist() == np.zeros((3, 4)).tolist()
    assert found["token_type_ids"].dtype == np.int32


def test_a_token_with_the_id_of_padding_is_no_padding() -> None:
    """The number of tokens distinguishes padding, not the ids."""
    texts = Encoded(np.asarray([[1, 9, 2, 9]], np.int32), np.asarray([3], np.int32), PAD)
    assert mask(texts) == [[1, 1, 1, 0]]


def test_texts_are_padded_to_the_longest_and_cut() -> None:
    found = encode(tokenizer(length=None), ["a b", "c", "", "a b c a"])
    assert found.ids.tolist() == [[0, 1, 9], [2, 9, 9], [9, 9, 9], [0, 1, 2]]
    assert found.lengths.tolist() == [2, 1, 0, 3]
    assert found.ids.dtype == found.lengths.dtype == np.int32
    assert (found.pad, found.left) == (PAD, False)
    assert encode(tokenizer(length=None), ["a", "b"]).ids.tolist() == [[0], [1]]


def test_texts_are_padded_to_a_length_of_the_tokenizer_s_own() -> None:
    assert encode(tokenizer(length=3), ["a"]).ids.tolist() == [[0, 9, 9]]


def test_padding_in_front() -> None:
    found = encode(tokenizer(length=None, direction="left"), ["a b", "c"])
    assert found.ids.tolist() == [[0, 1], [9, 2]]
    assert found.left
    assert mask(found) == [[1, 1], [0, 1]]
