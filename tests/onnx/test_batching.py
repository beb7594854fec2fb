"""Batches: the arrays are what tokenizer.json says, also for texts that are far too long."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from emotion.onnx.session import Classifier
from tests.onnx.conftest import TEXTS
from tests.toy import write_model


@pytest.mark.parametrize("length", [35, None])
@pytest.mark.parametrize("side", ["right", "left"])
def test_arrays_are_what_the_tokenizer_says(tmp_path: Path, length: int | None, side: str) -> None:
    folder = write_model(tmp_path, length=length)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(direction=side, length=length, pad_id=0, pad_token="[PAD]", pad_to_multiple_of=7)
    tokenizer.enable_truncation(length or 64, direction=side)
    tokenizer.save(str(folder / "tokenizer.json"))
    batcher = Classifier.load(folder)._batcher
    for batch in batcher.batches(TEXTS):
        for row, index in enumerate(batch.rows):
            expected = tokenizer.encode(TEXTS[index])
            assert list(batch.inputs["input_ids"][row]) == (expected.ids or [0] * 7)
            if "attention_mask" in batch.inputs:
                assert list(batch.inputs["attention_mask"][row]) == (expected.attention_mask or [0] * 7)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "long",
    ["happy " * 300_000, " " * 500_000 + "happy" + " " * 500_000, "x" * 1_000_000 + " happy", "so\n" * 9000 + "scared"],
)
def test_a_long_text_gives_what_truncation_gives(tmp_path: Path, long: str, side: str) -> None:
    folder = write_model(tmp_path)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(35, direction=side)
    tokenizer.save(str(folder / "tokenizer.json"))
    [batch] = Classifier.load(folder)._batcher.batches([long])
    assert list(batch.inputs["input_ids"][0]) == tokenizer.encode(long).ids
