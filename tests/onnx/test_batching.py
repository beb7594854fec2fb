"""Batches: the arrays are what tokenizer.json says, also for texts that are far too long."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from emotion.onnx.batching import Batcher
from emotion.onnx.session import Classifier
from emotion.text.vocabulary import learn_words
from tests.onnx.conftest import TEXTS
from tests.pretrained import write_tokenizer
from tests.toy import write_model

LIMIT = 12
AROUND_THE_LIMIT = [first + " so" * count for first in ("", "s", "h", "so") for count in range(LIMIT + 2)]
FAR_APART = " " * 20_000
LONG = [
    "so " * 20_000,
    "x" * 40_000,
    FAR_APART,
    "\n" * 40_000,
    *(FAR_APART.join(["so"] * count) for count in (1, 2, LIMIT - 2, LIMIT - 1, LIMIT, LIMIT + 1)),
    *("so " * count + FAR_APART for count in (LIMIT - 2, LIMIT - 1, LIMIT, LIMIT + 1)),
    *(FAR_APART + "so " * count for count in (LIMIT - 2, LIMIT - 1, LIMIT, LIMIT + 1)),
    FAR_APART + "x" * 40_000 + FAR_APART,
]


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


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", ["toy", "words", "bert", "roberta", "albert", "xlm-roberta"])
def test_a_text_is_cut_exactly_if_it_has_more_tokens_than_the_model_takes(
    tmp_path: Path, family: str, side: str
) -> None:
    if family == "toy":
        write_model(tmp_path)
    elif family == "words":
        learn_words(["so happy", "so scared", "so"] * 9, 20).save(str(tmp_path / "tokenizer.json"))
    else:
        write_tokenizer(tmp_path, family, ["so happy", "so scared", "so"] * 9)
    path = tmp_path / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = [*AROUND_THE_LIMIT, *LONG, "lone \udcff surrogate"]
    lengths = [len(tokenizer.encode(text)) for text in texts[:-1]]
    assert {LIMIT - 1, LIMIT, LIMIT + 1} <= set(lengths)
    tokenizer.enable_truncation(LIMIT, direction=side)
    tokenizer.enable_padding()
    tokenizer.save(str(path))
    batches = list(Batcher.load(path.read_bytes(), path, ["input_ids"], None).batches(texts))
    cut = {int(row): bool(is_cut) for batch in batches for row, is_cut in zip(batch.rows, batch.cut, strict=True)}
    assert cut == {row: length > LIMIT for row, length in enumerate(lengths)}


@pytest.mark.parametrize("inputs", [["input_ids"], ["input_ids", "attention_mask", "token_type_ids"]])
@pytest.mark.parametrize("side", ["right", "left"])
def test_words_and_other_texts_together_are_what_the_tokenizer_says(side: str, inputs: list[str]) -> None:
    tokenizer = learn_words(["so happy", "so scared", "caf\u00e9 so!"] * 9, 20)
    tokenizer.enable_truncation(LIMIT, direction=side)
    tokenizer.enable_padding(length=LIMIT, direction=side)
    content = tokenizer.to_str().encode()
    texts = [*TEXTS, *AROUND_THE_LIMIT, *LONG, "caf\u00e9 so", "[PAD] so", "so\x00happy", "So, so! SO happy"]
    (batch,) = Batcher.load(content, Path("tokenizer.json"), inputs, LIMIT).batches(texts)
    for name, attribute in (("input_ids", "ids"), ("attention_mask", "attention_mask"), ("token_type_ids", "type_ids")):
        if name in inputs:
            expected = [getattr(tokenizer.encode(text), attribute) for text in texts]
            assert batch.inputs[name][batch.rows].tolist() == expected
