"""Chooses the vocabulary of the ANN and the LSTM: their word-level tokenizer, learned only from train.

The vocabulary holds the most frequent words of train, `[text] vocabulary` of them. Transformers bring their
vocabulary along (`pretrained.py`).
"""

from collections.abc import Iterable

from tokenizers import Tokenizer, models, trainers

from emotion.params.schema import WordTextTable
from emotion.text.words import split_into_words

PAD, UNKNOWN = "[PAD]", "[UNK]"
PAD_ID, UNKNOWN_ID = 0, 1


def learn_tokenizer(texts: Iterable[str], params: WordTextTable, padded_length: int | None) -> Tokenizer:
    """Learn the most frequent words of `texts`; equally frequent words are taken in alphabetical order.

    The tokenizer itself cuts to `params.max_length` and pads to `padded_length`: its JSON is all that inference needs.
    Without a `padded_length`, it only gives a text without words one token of padding.
    """
    tokenizer = learn_words(texts, params.vocabulary)
    tokenizer.enable_truncation(params.max_length)
    return _padded(tokenizer, params.padding, padded_length or 1)


def without_fixed_length(tokenizer: Tokenizer) -> Tokenizer:
    """A copy that only gives a text without words one token of padding."""
    return _padded(Tokenizer.from_str(tokenizer.to_str()), (tokenizer.padding or {})["direction"], 1)


def _padded(tokenizer: Tokenizer, direction: str, length: int) -> Tokenizer:
    tokenizer.enable_padding(direction=direction, pad_id=PAD_ID, pad_token=PAD, length=length)
    return tokenizer


def learn_words(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn `vocabulary` words, PAD and UNKNOWN included, as `learn_tokenizer` does, without cutting and padding."""
    tokenizer = split_into_words(Tokenizer(models.WordLevel(unk_token=UNKNOWN)))
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=[PAD, UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
