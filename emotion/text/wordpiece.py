"""A WordPiece tokenizer learnt from train alone, for transformers that start from random weights."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

PAD, UNKNOWN, FIRST, LAST, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# A word that is seen once teaches nothing; it is written by its letters.
LEAST_SEEN = 2


def learn_wordpiece(texts: Iterable[str], vocabulary: int) -> Any:
    """Take train's letters and commonest words, at most `vocabulary` ids, uncased; transformers' object of it.

    The trainer of the `tokenizers` library is not used: it gives another vocabulary at every run.
    """
    from transformers import BertTokenizerFast

    normalizer, cutter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = Counter(word for text in texts for word, _ in cutter.pre_tokenize_str(normalizer.normalize_str(text)))
    letters = Counter(letter for word in words for letter in word)
    pieces = [*SPECIAL, *(piece for letter in _ordered(letters) for piece in (letter, f"##{letter}"))]
    pieces += [word for word in _ordered(words) if words[word] >= LEAST_SEEN]
    ids = {piece: number for number, piece in enumerate(list(dict.fromkeys(pieces))[:vocabulary])}
    backend = Tokenizer(models.WordPiece(ids, unk_token=UNKNOWN))
    backend.normalizer, backend.pre_tokenizer, backend.decoder = normalizer, cutter, decoders.WordPiece()
    around = [(token, ids[token]) for token in (FIRST, LAST)]
    backend.post_processor = processors.TemplateProcessing(single=f"{FIRST} $A {LAST}", special_tokens=around)
    return BertTokenizerFast(tokenizer_object=backend)


def _ordered(counts: Counter[str]) -> list[str]:
    """The commonest first, ties in alphabetical order."""
    return sorted(counts, key=lambda piece: (-counts[piece], piece))
