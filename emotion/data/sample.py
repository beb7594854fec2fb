"""Generates the built-in sample, a corpus of six emotions, from a grammar: for demonstrations without a network.

A third of the sentences name two emotions, and only the word order decides the label. A few labels are wrong, as in
real corpora. So models differ, and no model is perfect.
"""

import random
import re
from collections.abc import Iterator

from emotion.data import sample_grammar

SAMPLE_LABELS = ("anger", "fear", "joy", "love", "sadness", "surprise")
SPLITS = {"train": 7200, "validation": 900, "test": 900}
# Joy and sadness are frequent and surprise is rare, but less extremely than in real messages.
WEIGHTS = {"anger": 17, "fear": 16, "joy": 24, "love": 12, "sadness": 21, "surprise": 10}
WRONG_SHARE = 0.035
# Share of pairs in the draws. A pair is two rows, so pairs are a third of the corpus.
PAIR_SHARE = 0.21
LEAD_SHARE = 0.6
TAIL_SHARE = 0.4
LOWER_SHARE = 0.5
SHORT_SHARE = 0.3
# The smallest models read 35 tokens: this many words and punctuation.
MAX_WORDS = 28
HE = frozenset({"he", "him", "his"})
SHE = frozenset({"she", "her"})
PAIRS = (
    (sample_grammar.STATE_PAIRS, sample_grammar.STATES),
    (sample_grammar.NOUN_PAIRS, sample_grammar.NOUNS),
    (sample_grammar.DEED_PAIRS, sample_grammar.DEEDS),
)
SLOT = re.compile(r"\{([a-z]+)\}")
SHORT_FORMS = {
    "I am ": "I'm ",
    "do not ": "don't ",
    "did not ": "didn't ",
    "could not ": "couldn't ",
    "it is ": "it's ",
}

Row = tuple[str, str]


def generate(seed: int = 0) -> dict[str, list[Row]]:
    """Generate the corpus: (text, label) rows by split. A seed gives the same corpus in every Python version.

    All texts differ in their words, within and across splits. Texts are ASCII without semicolons and have at most
    `MAX_WORDS` words. In every split, a share of `WRONG_SHARE` of the labels is wrong.
    """
    rng = random.Random(seed)  # noqa: S311 - a corpus, not a secret
    sentences = _distinct(rng)
    corpus = {split: [next(sentences) for _ in range(size)] for split, size in SPLITS.items()}
    # Wrong labels come last: the texts do not depend on their share.
    return {split: _mislabeled(_shuffled(rows, rng), rng) for split, rows in corpus.items()}


def _distinct(rng: random.Random) -> Iterator[Row]:
    """Draw endlessly. Texts that read badly or repeat the words of an earlier text are skipped."""
    seen: set[str] = set()
    while True:
        for text, label in _pair(rng) if rng.random() < PAIR_SHARE else [_plain(rng)]:
            words = re.findall(r"[a-z]+", text.lower())
            if _reads_well(words) and (key := " ".join(words)) not in seen:
                seen.add(key)
                yield _styled(text, rng), label


def _reads_well(words: list[str]) -> bool:
    """Whether a text is short enough and does not mix he and she."""
    return len(words) <= MAX_WORDS and (HE.isdisjoint(words) or SHE.isdisjoint(words))


def _plain(rng: random.Random) -> Row:
    """Draw a sentence with one emotion."""
    label = _emotion(rng, SAMPLE_LABELS)
    rules = sample_grammar.NEUTRAL | {
        "state": sample_grammar.STATES[label],
        "noun": sample_grammar.NOUNS[label],
        "deed": sample_grammar.DEEDS[label],
        "scene": sample_grammar.SCENES[label],
    }
    pattern = _choice(rng.choice((sample_grammar.NAMED, sample_grammar.UNNAMED)), rng)
    return _expanded(_framed(pattern, rng), rules, rng), label


def _pair(rng: random.Random) -> list[Row]:
    """Draw two sentences of the same words: the emotions swap positions, and so the labels differ."""
    first = _emotion(rng, SAMPLE_LABELS)
    second = _emotion(rng, _others(first))
    pattern, forms = rng.choice([(pattern, forms) for rule, forms in PAIRS for pattern in rule.split("|")])
    frame = _expanded(_framed(pattern, rng), sample_grammar.NEUTRAL, rng)
    first_words, second_words = (
        _expanded(_choice(forms[label], rng), sample_grammar.NEUTRAL, rng) for label in (first, second)
    )
    return [
        (frame.replace("{X}", first_words).replace("{Y}", second_words), first),
        (frame.replace("{X}", second_words).replace("{Y}", first_words), second),
    ]


def _framed(pattern: str, rng: random.Random) -> str:
    """Add neutral words before and after: the emotion then has no fixed position in the sentence."""
    lead = "{lead}" if rng.random() < LEAD_SHARE else ""
    tail = "{tail}" if rng.random() < TAIL_SHARE else ""
    return lead + pattern + tail


def _expanded(text: str, rules: dict[str, str], rng: random.Random) -> str:
    """Replace every {rule} with one of its alternatives, until none is left."""
    while slot := SLOT.search(text):
        text = text[: slot.start()] + _choice(rules[slot[1]], rng, text) + text[slot.end() :]
    return text


def _choice(alternatives: str, rng: random.Random, text: str = "") -> str:
    """Draw an alternative that `text` does not contain yet."""
    return rng.choice([words for words in alternatives.split("|") if words not in text])


def _emotion(rng: random.Random, labels: tuple[str, ...]) -> str:
    """Draw one of `labels` by its weight."""
    return rng.choice([label for label in labels for _ in range(WEIGHTS[label])])


def _styled(text: str, rng: random.Random) -> str:
    """Style a text as people write: as a sentence or in lower case without commas, in full or with short forms."""
    if rng.random() < SHORT_SHARE:
        for full, short in SHORT_FORMS.items():
            text = text.replace(full, short)
    if rng.random() < LOWER_SHARE:
        return text.lower().replace(",", "")
    return text[0].upper() + text[1:] + "."


def _shuffled(rows: list[Row], rng: random.Random) -> list[Row]:
    """Shuffle the rows, which separates the two sentences of a pair."""
    return sorted(rows, key=lambda _: rng.random())


def _mislabeled(rows: list[Row], rng: random.Random) -> list[Row]:
    """Give the first rows a wrong label, and shuffle: every split has exactly its share."""
    count = round(WRONG_SHARE * len(rows))
    wrong = [(text, _emotion(rng, _others(label))) for text, label in rows[:count]]
    return _shuffled(wrong + rows[count:], rng)


def _others(label: str) -> tuple[str, ...]:
    return tuple(other for other in SAMPLE_LABELS if other != label)
