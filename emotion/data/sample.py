"""The built-in sample: a corpus in six emotions, drawn from a grammar, for demonstrations without a network.

A third of the sentences name two emotions, and only the order of the words tells which of them counts; a few
labels are wrong, as in any real corpus. So models differ, and none is perfect.
"""

import random
import re
from collections.abc import Iterator

from emotion.data import grammar

SAMPLE_LABELS = ("anger", "fear", "joy", "love", "sadness", "surprise")
SPLITS = {"train": 7200, "validation": 900, "test": 900}
# Joy and sadness lead and surprise is rare, as in people's own messages, but less steeply.
WEIGHTS = {"anger": 17, "fear": 16, "joy": 24, "love": 12, "sadness": 21, "surprise": 10}
WRONG_SHARE = 0.035
# Of the draws; a pair is two rows, so that a third of the corpus is made of them.
PAIR_SHARE = 0.21
LEAD_SHARE = 0.6
TAIL_SHARE = 0.4
LOWER_SHARE = 0.5
SHORT_SHARE = 0.3
# With their punctuation they fit into the 35 tokens that the smallest models read.
LONGEST = 28
HE = frozenset({"he", "him", "his"})
SHE = frozenset({"she", "her"})
PAIRS = (
    (grammar.STATE_PAIRS, grammar.STATES),
    (grammar.NOUN_PAIRS, grammar.NOUNS),
    (grammar.DEED_PAIRS, grammar.DEEDS),
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
    """Draw the corpus: (text, label) pairs by split, the same for the same seed on every Python.

    All texts differ in their words, within and across splits. They are ASCII without semicolons and have
    at most `LONGEST` words. A share of `WRONG_SHARE` of the labels of every split is wrong.
    """
    rng = random.Random(seed)  # noqa: S311 - a corpus, not a secret
    sentences = _distinct(rng)
    corpus = {split: [next(sentences) for _ in range(size)] for split, size in SPLITS.items()}
    # Last, so that the texts do not depend on the share of wrong labels.
    return {split: _mislabelled(_shuffled(rows, rng), rng) for split, rows in corpus.items()}


def _distinct(rng: random.Random) -> Iterator[Row]:
    """Draw without end, passing over texts that read badly or that had the same words before."""
    seen: set[str] = set()
    while True:
        for text, label in _pair(rng) if rng.random() < PAIR_SHARE else [_plain(rng)]:
            words = re.findall(r"[a-z]+", text.lower())
            if _reads_well(words) and (key := " ".join(words)) not in seen:
                seen.add(key)
                yield _styled(text, rng), label


def _reads_well(words: list[str]) -> bool:
    """Tell whether a text is short enough, and does not take one person for two."""
    return len(words) <= LONGEST and (HE.isdisjoint(words) or SHE.isdisjoint(words))


def _plain(rng: random.Random) -> Row:
    """Make a sentence of one emotion."""
    label = _emotion(rng, SAMPLE_LABELS)
    rules = grammar.NEUTRAL | {
        "state": grammar.STATES[label],
        "noun": grammar.NOUNS[label],
        "deed": grammar.DEEDS[label],
        "scene": grammar.SCENES[label],
    }
    pattern = _choice(rng.choice((grammar.NAMED, grammar.UNNAMED)), rng)
    return _expanded(_framed(pattern, rng), rules, rng), label


def _pair(rng: random.Random) -> list[Row]:
    """Make two sentences of the same words: the emotions change places, and with them the label."""
    first = _emotion(rng, SAMPLE_LABELS)
    second = _emotion(rng, _others(first))
    pattern, forms = rng.choice([(pattern, forms) for rule, forms in PAIRS for pattern in rule.split("|")])
    frame = _expanded(_framed(pattern, rng), grammar.NEUTRAL, rng)
    one, other = (_expanded(_choice(forms[label], rng), grammar.NEUTRAL, rng) for label in (first, second))
    return [
        (frame.replace("{X}", one).replace("{Y}", other), first),
        (frame.replace("{X}", other).replace("{Y}", one), second),
    ]


def _framed(pattern: str, rng: random.Random) -> str:
    """Put neutral words before and after, so that what matters has no fixed place in the sentence."""
    lead = "{lead}" if rng.random() < LEAD_SHARE else ""
    tail = "{tail}" if rng.random() < TAIL_SHARE else ""
    return lead + pattern + tail


def _expanded(text: str, rules: dict[str, str], rng: random.Random) -> str:
    """Replace every {rule} by one of its alternatives, until none is left."""
    while slot := SLOT.search(text):
        text = text[: slot.start()] + _choice(rules[slot[1]], rng, text) + text[slot.end() :]
    return text


def _choice(alternatives: str, rng: random.Random, text: str = "") -> str:
    """Draw an alternative that `text` does not have yet: nobody says the same thing twice."""
    return rng.choice([words for words in alternatives.split("|") if words not in text])


def _emotion(rng: random.Random, labels: tuple[str, ...]) -> str:
    """Draw one of `labels` by its weight."""
    return rng.choice([label for label in labels for _ in range(WEIGHTS[label])])


def _styled(text: str, rng: random.Random) -> str:
    """Write it as people do: as a sentence or in lower case without commas, in full or with short forms."""
    if rng.random() < SHORT_SHARE:
        for full, short in SHORT_FORMS.items():
            text = text.replace(full, short)
    if rng.random() < LOWER_SHARE:
        return text.lower().replace(",", "")
    return text[0].upper() + text[1:] + "."


def _shuffled(rows: list[Row], rng: random.Random) -> list[Row]:
    """Put the rows in random order; it separates the sentences that were made in pairs."""
    return sorted(rows, key=lambda _: rng.random())


def _mislabelled(rows: list[Row], rng: random.Random) -> list[Row]:
    """Give the first rows a wrong label and shuffle, so that every split has its share to the row."""
    count = round(WRONG_SHARE * len(rows))
    wrong = [(text, _emotion(rng, _others(label))) for text, label in rows[:count]]
    return _shuffled(wrong + rows[count:], rng)


def _others(label: str) -> tuple[str, ...]:
    return tuple(other for other in SAMPLE_LABELS if other != label)
