"""Learns the vocabulary of ANN and LSTM: a word-level tokenizer, learned only from train.

The vocabulary holds the most frequent words of train; `[text] vocabulary` is its size. Transformers come with a
vocabulary (`pretrained.py`).
"""

from collections.abc import Iterable

from tokenizers import Tokenizer, models, trainers

from emotion.params.schema import WordTextTable
from emotion.text.words import split_into_words

PAD, UNKNOWN = "[PAD]", "[UNK]"
PAD_ID, UNKNOWN_ID = 0, 1
# Most tokens of padding in a row without a fixed length.
MOST_PADDING = 5


def learn_tokenizer(texts: Iterable[str], params: WordTextTable, padded_length: int | None) -> Tokenizer:
    """Learn the most frequent words of `texts`; equally frequent words in alphabetical order.

    The tokenizer cuts to `params.max_length` and pads to `padded_length`: inference needs only its JSON. Without a
    `padded_length`, it only pads texts without words to one token.
    """
    tokenizer = learn_words(texts, params.vocabulary)
    tokenizer.enable_truncation(params.max_length)
    tokenizer.enable_padding(direction=params.padding, pad_id=PAD_ID, pad_token=PAD, length=padded_length or 1)
    return tokenizer


def with_short_padding(tokenizer: Tokenizer, max_length: int) -> Tokenizer:
    """Copy the tokenizer with a few padded lengths up to `max_length`: rows have few extra tokens and run together."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    multiple = max(number for number in range(1, MOST_PADDING + 2) if max_length % number == 0)
    padding = {**(tokenizer.padding or {}), "length": multiple, "pad_to_multiple_of": multiple}
    copy.enable_padding(**padding)
    return copy


def learn_words(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn `vocabulary` words, including PAD and UNKNOWN, like `learn_tokenizer`, without cutting and padding."""
    tokenizer = split_into_words(Tokenizer(models.WordLevel(unk_token=UNKNOWN)))
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=[PAD, UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
