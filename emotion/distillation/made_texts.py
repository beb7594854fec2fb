"""Makes texts from train's texts: joined halves, with dropped and replaced words (Tang et al., 2019).

A made text has only the teacher's label. It is often not a good sentence. It shows the student words and contexts that
the teacher knows better than train's labels.
"""

import random
from collections.abc import Iterator, Mapping, Sequence

from emotion.params.schema import TeacherTable

# Stands for the missing words before and after a text.
EDGE = ""
Words = Sequence[str]
Places = Mapping[tuple[str, str], Words]


def make_texts(texts: Sequence[str], params: TeacherTable, seed: int) -> list[str]:
    """Make `params.made` texts per text of `texts`, from seed and parameters alone.

    Made texts have at least one word, and only words of `texts`. Texts without words make none.
    """
    chance = random.Random(seed)  # noqa: S311  no secret depends on it
    sources = [words for text in texts if (words := text.split())]
    places = _words_by_place(sources)
    made = (_join(words, sources, chance) for _ in range(params.made) for words in sources)
    return [" ".join(_change(words, places, params, chance)) for words in made]


def _words_by_place(sources: Sequence[Words]) -> Places:
    """Collect words by place, which is the pair of neighboring words; a word repeats as often as it occurs."""
    found: dict[tuple[str, str], list[str]] = {}
    for words in sources:
        for place, word in _in_places(words):
            found.setdefault(place, []).append(word)
    return found


def _in_places(words: Words) -> Iterator[tuple[tuple[str, str], str]]:
    padded = (EDGE, *words, EDGE)
    return (((padded[index], padded[index + 2]), word) for index, word in enumerate(words))


def _join(words: Words, sources: Sequence[Words], chance: random.Random) -> Words:
    """Join a start of `words` and an end of another text; both have at least one word, and may be whole texts."""
    other = chance.choice(sources)
    return [*words[: chance.randint(1, len(words))], *other[chance.randrange(len(other)) :]]


def _change(words: Words, places: Places, params: TeacherTable, chance: random.Random) -> Words:
    """Drop some words, and replace others by words that train has at the same place."""
    kept: list[str] = []
    for place, word in _in_places(words):
        drawn = chance.random()
        if drawn < params.dropped:
            continue
        replaced = drawn < params.dropped + params.replaced
        kept.append(chance.choice(places.get(place, [word])) if replaced else word)
    return kept or words
