"""The tokenizers of pretrained models: real ones of all kinds, their length, errors, and saving."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from emotion.errors import BadDataError, BadParametersError
from emotion.onnx.batching import Batcher
from emotion.text.encoded import encode
from emotion.text.pretrained import PretrainedTokenizer, load_tokenizer
from tests.pretrained import FAMILIES, change_json, write_tokenizer

TEXTS = [
    "I feel wonderful today, don't you?",
    "so furious that I could scream",
    "what a lovely, bright morning it is",
    "she said never again and left the house",
    "Café naïve",
]
MOST = 40
NAMES = ("input_ids", "attention_mask", "token_type_ids")


def write(folder: Path, family: str = "bert", texts: Sequence[str] = TEXTS) -> Path:
    """Write a tokenizer and the configuration that transformers wants beside it."""
    tokenizer = write_tokenizer(folder, family, texts)
    (folder / "config.json").write_text(json.dumps({"model_type": family, "vocab_size": tokenizer.get_vocab_size()}))
    return folder


def size(folder: Path) -> int:
    return Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()


def load(folder: Path, wanted: int = 0, texts: Sequence[str] = TEXTS, vocabulary: int = 0) -> PretrainedTokenizer:
    return load_tokenizer(folder, vocabulary or size(folder), MOST, wanted, texts)


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    return write(tmp_path / "bert")


def test_ids_are_those_of_the_pretrained_tokenizer_s_file(folder: Path) -> None:
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    found = encode(load(folder).backend, TEXTS)
    for row, length, text in zip(found.ids, found.lengths, TEXTS, strict=True):
        assert row[:length].tolist() == whole.encode(text).ids
        assert (row[length:] == found.pad).all()
    assert not found.left


def test_what_is_saved_opens_with_transformers_and_gives_the_same_ids(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    texts = [*TEXTS, "", "unheard of 😀 日本", "so very " * 30 + "long"]
    loaded = load(folder, wanted=12)
    loaded.save(tmp_path, NAMES)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    ours = encode(loaded.backend, texts)
    opened = AutoTokenizer.from_pretrained(tmp_path)
    theirs = opened(texts, truncation=True, padding=True, return_tensors="np")
    assert sorted(theirs) == sorted(NAMES)
    assert opened.model_max_length == 12
    assert ours.ids.shape == (len(texts), 12)
    assert theirs["input_ids"].tolist() == ours.ids.tolist()
    assert theirs["attention_mask"].tolist() == ours.inputs(["attention_mask"])["attention_mask"].tolist()
    assert type(opened) is type(loaded.wrapped)


def test_what_is_saved_gives_the_classifier_the_same_ids(folder: Path, tmp_path: Path) -> None:
    texts = [*TEXTS, "so very " * 30 + "long"]
    loaded = load(folder, wanted=12)
    loaded.save(tmp_path, NAMES)
    ours = encode(loaded.backend, texts)
    found: dict[int, list[int]] = {}
    path = tmp_path / "tokenizer.json"
    for batch in Batcher.load(path.read_bytes(), path, ["input_ids"], None).batches(texts):
        found |= dict(zip(batch.rows.tolist(), batch.inputs["input_ids"].tolist(), strict=True))
    assert [found[row] for row in range(len(texts))] == [
        row[:length].tolist() for row, length in zip(ours.ids, ours.lengths, strict=True)
    ]


def test_a_text_is_cut_and_keeps_its_special_tokens(folder: Path) -> None:
    loaded = load(folder, wanted=5)
    assert loaded.max_length == 5
    (row,) = encode(loaded.backend, ["so very long " * 9]).ids
    assert len(row) == 5
    assert (row[0], row[4]) == (loaded.wrapped.cls_token_id, loaded.wrapped.sep_token_id)


def test_only_byte_level_tokenizers_know_everything(tmp_path: Path) -> None:
    for family in ("bert", "albert", "xlm-roberta"):
        loaded = load(write(tmp_path / family, family))
        assert loaded.unknown_id in encode(loaded.backend, ["日本"]).ids
    loaded = load(write(tmp_path / "roberta", "roberta"))
    assert loaded.unknown_id not in encode(loaded.backend, ["日本 😀"]).ids


def words(count: int) -> str:
    """Give a text of `count` + 2 tokens."""
    return " ".join("I" for _ in range(count))


def test_the_length_is_what_nearly_all_texts_fit_into(bert: Path) -> None:
    """Of 1,000 texts the longest 4 do not decide."""
    texts = [words(6)] * 996 + [words(30)] * 4
    assert load(bert, texts=texts).max_length == 8
    assert load(bert, texts=[*texts, *[words(30)] * 4]).max_length == 32


def test_the_length_is_never_more_than_the_model_has_positions_for(bert: Path) -> None:
    assert load(bert, texts=[words(100)]).max_length == MOST
    assert encode(load(bert, texts=[words(100)]).backend, [words(100)]).ids.shape == (1, MOST)


def test_texts_without_a_word_have_room_for_the_special_tokens(bert: Path) -> None:
    assert load(bert, texts=["", " "]).max_length == 2


def test_the_length_that_was_asked_for_is_taken(bert: Path) -> None:
    assert load(bert, wanted=7).max_length == 7
    assert load(bert, wanted=MOST).max_length == MOST


@pytest.mark.parametrize("wanted", [MOST + 1, 4096])
def test_more_than_there_are_positions_for_is_refused(bert: Path, wanted: int) -> None:
    with pytest.raises(BadParametersError, match=f"{wanted}.* {MOST} tokens") as caught:
        load(bert, wanted=wanted)
    assert caught.value.exit_code == 78
    assert str(MOST) in caught.value.hint


@pytest.mark.parametrize("wanted", [1, 2])
def test_less_than_the_special_tokens_and_one_more_is_refused(folder: Path, wanted: int) -> None:
    with pytest.raises(BadParametersError, match="special tokens") as caught:
        load(folder, wanted=wanted)
    assert caught.value.exit_code == 78
    assert load(folder, wanted=3).max_length == 3


def test_ids_that_the_model_does_not_have_are_refused(bert: Path) -> None:
    with pytest.raises(BadDataError, match=f"ids up to {size(bert) - 1}.*vocabulary of {size(bert) - 1}") as caught:
        load(bert, vocabulary=size(bert) - 1)
    assert caught.value.exit_code == 65
    assert load(bert, vocabulary=size(bert) + 8).max_length


def no_padding_token(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**config, "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": None})
    )


def cut(folder: Path) -> None:
    whole = (folder / "tokenizer.json").read_bytes()
    (folder / "tokenizer.json").write_bytes(whole[: len(whole) // 2])


def absent(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def written(content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "tokenizer.json").write_text(content)


def foreign_model(folder: Path) -> None:
    change_json(folder / "tokenizer.json", model={"type": "Nonsense", "vocab": {}})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_padding_token, "no padding token"),
        (cut, "cannot be loaded"),
        (written("{}"), "cannot be loaded"),
        (written(""), "cannot be loaded"),
        (written("\x00\x01"), "cannot be loaded"),
        (foreign_model, "cannot be loaded"),
        (absent, "has no tokenizer"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_folder(
    bert: Path, damage: Callable[[Path], Any], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    vocabulary = size(bert)
    damage(bert)
    with pytest.raises(BadDataError, match=message) as caught:
        load(bert, vocabulary=vocabulary)
    assert str(bert) in caught.value.message
    assert caught.value.exit_code == 65
    assert capfd.readouterr() == ("", "")


def test_code_of_a_pretrained_model_is_never_run(bert: Path, tmp_path: Path) -> None:
    (bert / "foreign_code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    change_json(bert / "tokenizer_config.json", auto_map={"AutoTokenizer": ["foreign_code.Own", "foreign_code.Own"]})
    assert load(bert).max_length
    assert not (tmp_path / "ran").exists()
