"""The learned WordPiece tokenizer: the same in every run, with letters for rare words."""

import pytest

from emotion.text.wordpiece import learn_wordpiece

TEXTS = ["I feel fine, so fine", "you feel Furious", "naïve feelings; 日本"]


def tokens(text: str, vocabulary: int = 200) -> list[str]:
    return list(learn_wordpiece(TEXTS, vocabulary).backend_tokenizer.encode(text).tokens)


def test_common_words_are_pieces_and_others_are_spelt() -> None:
    assert tokens("Feel FINE furi") == ["[CLS]", "feel", "fine", "f", "##u", "##r", "##i", "[SEP]"]


def test_letters_that_train_lacks_are_unknown() -> None:
    assert tokens("feel zzz") == ["[CLS]", "feel", "[UNK]", "[SEP]"]


def test_the_special_tokens_come_first() -> None:
    learned = learn_wordpiece(TEXTS, 200)
    assert learned.convert_tokens_to_ids(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]) == [0, 1, 2, 3, 4]
    assert (learned.pad_token_id, learned.unk_token_id) == (0, 1)


@pytest.mark.parametrize("vocabulary", [8, 20, 200])
def test_the_vocabulary_is_never_larger_than_asked_for(vocabulary: int) -> None:
    learned = learn_wordpiece(TEXTS, vocabulary)
    assert len(learned) <= vocabulary
    assert max(learned.get_vocab().values()) < vocabulary


def test_the_same_texts_give_the_same_tokenizer() -> None:
    texts = [f"word{number % 50} and word{number % 7}" for number in range(300)]
    found = {learn_wordpiece(texts, 120).backend_tokenizer.to_str() for _ in range(3)}
    assert len(found) == 1
