"""Common code of learners that learn their tokenizer from train."""

from collections.abc import Sequence

from tokenizers import Tokenizer

from emotion.text.coverage import coverage
from emotion.text.encoded import Encoded, encode
from emotion.text.vocabulary import UNKNOWN_ID


class LearnedWords:
    """The word-related part of a `emotion.runs.learner.Learner`; `tokenizer` is learned from train."""

    tokenizer: Tokenizer

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Convert texts to token ids, padded for the model."""
        return encode(self.tokenizer, texts)

    def notes(self) -> list[str]:
        """Return no lines."""
        return []

    def warnings(self, texts: Sequence[str]) -> list[str]:
        """Warn of many unknown words and many cut texts."""
        return coverage(self.tokenizer, texts, UNKNOWN_ID).warnings()
