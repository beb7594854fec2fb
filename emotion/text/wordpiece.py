"""Learns a WordPiece tokenizer only from train, for transformers with random initial weights."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

PAD, UNKNOWN, FIRST, LAST, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Rarer words are not pieces: they are split into letters.
MIN_COUNT = 2


def learn_wordpiece(texts: Iterable[str], vocabulary: int) -> Any:
    """Learn letters and the most frequent words of `texts`, uncased, with at most `vocabulary` ids.

    Returns a transformers tokenizer. The trainer of the `tokenizers` library is unsuitable: its vocabulary differs in
    every run.
    """
    from transformers import BertTokenizerFast

    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = Counter(word for text in texts for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    letters = Counter(letter for word in words for letter in word)
    pieces = [*SPECIAL, *(piece for letter in _ordered(letters) for piece in (letter, f"##{letter}"))]
    pieces += [word for word in _ordered(words) if words[word] >= MIN_COUNT]
    ids = {piece: number for number, piece in enumerate(list(dict.fromkeys(pieces))[:vocabulary])}
    backend = Tokenizer(models.WordPiece(ids, unk_token=UNKNOWN))
    backend.normalizer, backend.pre_tokenizer, backend.decoder = normalizer, splitter, decoders.WordPiece()
    specials = [(token, ids[token]) for token in (FIRST, LAST)]
    backend.post_processor = processors.TemplateProcessing(single=f"{FIRST} $A {LAST}", special_tokens=specials)
    return BertTokenizerFast(tokenizer_object=backend)


def _ordered(counts: Counter[str]) -> list[str]:
    """Sort keys by frequency, then alphabetically."""
    return sorted(counts, key=lambda piece: (-counts[piece], piece))
