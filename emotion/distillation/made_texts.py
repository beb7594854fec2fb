"""Makes texts from train's own: joined halves, with words dropped and replaced (Tang et al., 2019).

A made text has no label but the teacher's. It is often no good sentence: it shows the student words and contexts about
which the teacher knows more than train's labels say.
"""

import random
from collections.abc import Iterator, Mapping, Sequence

from emotion.params.schema import TeacherTable

# Stands for the word before a text, and for the word after it.
EDGE = ""
# All seeds of a training learn from the same texts, and so the teacher answers once.
SEED = 1
Words = Sequence[str]
Places = Mapping[tuple[str, str], Words]


def make_texts(texts: Sequence[str], params: TeacherTable) -> list[str]:
    """Make `params.made` texts per text of `texts`; only the texts and the parameters decide them.

    More texts begin with the fewer ones, so that runs can share the teacher's answers.

    The made texts have words of `texts` alone, and at least one. Texts without words make none.
    """
    chance = random.Random(SEED)  # noqa: S311  no secret depends on it
    sources = [words for text in texts if (words := text.split())]
    places = _words_by_place(sources)
    made = (_join(words, sources, chance) for _ in range(params.made) for words in sources)
    return [" ".join(_change(words, places, params, chance)) for words in made]


def _words_by_place(sources: Sequence[Words]) -> Places:
    """Words by their place, the words on both sides of them; a word is there as often as it occurs there."""
    found: dict[tuple[str, str], list[str]] = {}
    for words in sources:
        for place, word in _in_places(words):
            found.setdefault(place, []).append(word)
    return found


def _in_places(words: Words) -> Iterator[tuple[tuple[str, str], str]]:
    padded = (EDGE, *words, EDGE)
    return (((padded[index], padded[index + 2]), word) for index, word in enumerate(words))


def _join(words: Words, sources: Sequence[Words], chance: random.Random) -> Words:
    """Join a beginning of `words` and an end of another text; both have a word at least, and may be whole."""
    other = chance.choice(sources)
    return [*words[: chance.randint(1, len(words))], *other[chance.randrange(len(other)) :]]


def _change(words: Words, places: Places, params: TeacherTable, chance: random.Random) -> Words:
    """Drop some words, and replace others by words that train has in the same place."""
    kept: list[str] = []
    for place, word in _in_places(words):
        drawn = chance.random()
        if drawn < params.dropped:
            continue
        replaced = drawn < params.dropped + params.replaced
        kept.append(chance.choice(places.get(place, [word])) if replaced else word)
    return kept or words
