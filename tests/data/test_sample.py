"""The built-in sample: what it promises to those who train on it, and that it never changes unnoticed."""

import hashlib
import re
from collections import Counter, defaultdict

import pytest

from emotion.data import sample, sample_grammar

Corpus = dict[str, list[sample.Row]]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return sample.generate()


@pytest.fixture(scope="module")
def rows(corpus: Corpus) -> list[sample.Row]:
    return [row for split in corpus.values() for row in split]


@pytest.fixture(scope="module")
def right() -> dict[str, str]:
    """Each text's label as the grammar gave it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "WRONG_SHARE", 0)
        return {text: label for split in sample.generate().values() for text, label in split}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def test_the_splits_and_their_sizes(corpus: Corpus) -> None:
    assert {split: len(rows) for split, rows in corpus.items()} == {
        "train": 7200,
        "validation": 900,
        "test": 900,
    }


def test_no_two_texts_have_the_same_words_in_any_split(rows: list[sample.Row]) -> None:
    assert len({" ".join(words(text)) for text, _ in rows}) == len(rows)


def test_a_seed_always_gives_the_same_corpus(corpus: Corpus) -> None:
    assert sample.generate(0) == corpus
    assert sample.generate(1) != corpus


def test_the_corpus_is_the_one_that_was_measured(corpus: Corpus) -> None:
    """Whoever changes the corpus trains the reference models again, and then changes this digest."""
    lines = "".join(f"{split};{text};{label}\n" for split, rows in corpus.items() for text, label in rows)
    assert (
        hashlib.sha256(lines.encode()).hexdigest() == "de54222447f9bab5be143c45ed0570112b16b92836acf293344124c76abe4baf"
    )


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_classes_are_unbalanced_but_none_is_rare(corpus: Corpus, split: str) -> None:
    counts = Counter(label for _, label in corpus[split])
    assert tuple(sorted(counts)) == sample.SAMPLE_LABELS
    assert min(counts.values()) > 0.07 * len(corpus[split])
    assert max(counts.values()) < 0.30 * len(corpus[split])
    assert max(counts.values()) > 1.5 * min(counts.values())


def test_three_to_four_percent_of_the_labels_of_every_split_are_wrong(corpus: Corpus, right: dict[str, str]) -> None:
    for rows in corpus.values():
        assert 0.03 <= sum(label != right[text] for text, label in rows) / len(rows) <= 0.04


@pytest.mark.parametrize(
    "pattern",
    [
        "not {other} but {named} that I felt",
        "{named} and not {other} that I felt",
        "{other} turned into {named} when",
    ],
)
def test_the_feeling_that_stays_gives_the_label(pattern: str, right: dict[str, str]) -> None:
    expression = pattern.lower().format(named="(?P<named>[a-z]+)", other="[a-z]+")
    found = [(match, label) for text, label in right.items() if (match := re.search(expression, text.lower()))]
    assert len(found) > 10
    assert all(match["named"] in sample_grammar.NOUNS[label].split("|") for match, label in found)


def test_the_order_of_words_decides_for_a_quarter_of_the_texts(rows: list[sample.Row]) -> None:
    """A model that sees a text as a bag of words cannot tell these apart."""
    labels_of_bag = defaultdict(set)
    for text, label in rows:
        labels_of_bag[tuple(sorted(words(text)))].add(label)
    ambiguous = sum(len(labels_of_bag[tuple(sorted(words(text)))]) > 1 for text, _ in rows)
    assert ambiguous > len(rows) / 4


def test_no_word_of_an_emotion_has_a_fixed_position(rows: list[sample.Row]) -> None:
    """A model with one weight per position has to learn the word at every position."""
    positions = Counter(words(text).index("furious") for text, _ in rows if "furious" in words(text))
    assert len(positions) > 12
    assert max(positions.values()) < 0.3 * positions.total()


def test_texts_fit_the_files_and_the_smallest_models(rows: list[sample.Row]) -> None:
    for text, _ in rows:
        assert text.isascii()
        assert text.isprintable()
        assert ";" not in text
        assert text == " ".join(text.split())
        assert len(re.findall(r"\w+|[^\w\s]", text)) <= 35


def test_no_slot_of_the_grammar_is_left_open(rows: list[sample.Row]) -> None:
    assert not [text for text, _ in rows if "{" in text or "}" in text or "|" in text]


def test_both_styles_of_writing_occur(rows: list[sample.Row]) -> None:
    lower = sum(text.islower() for text, _ in rows)
    assert 0.4 < lower / len(rows) < 0.6
