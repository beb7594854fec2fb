"""Makes texts from train's own: joined halves, with words dropped and replaced (Tang et al., 2019).

A made text has no label but the teacher's. It is often no good sentence: it shows the student words and contexts about
which the teacher knows more than train's labels say.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from emotion.params.schema import TeacherTable

# Stands for the word before a text, and for the word after it.
EDGE = ""
# Another stream of random numbers than training's: batches have [seed, epoch].
STREAM = 2**32

Words = Sequence[str]
Places = Mapping[tuple[str, str], Words]


def make_texts(texts: Sequence[str], params: TeacherTable, seed: int) -> list[str]:
    """Make `params.made` texts per text of `texts`; only seed and parameters decide them.

    The made texts have words of `texts` alone, and at least one. Texts without words make none.
    """
    random = np.random.default_rng([seed, STREAM])
    sources = [words for text in texts if (words := text.split())]
    places = _words_by_place(sources)
    made = (_join(words, sources, random) for _ in range(params.made) for words in sources)
    return [" ".join(_change(words, places, params, random)) for words in made]


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


def _join(words: Words, sources: Sequence[Words], random: np.random.Generator) -> Words:
    """Join a beginning of `words` and an end of another text; both have a word at least, and may be whole."""
    other = sources[random.integers(len(sources))]
    return [*words[: random.integers(1, len(words) + 1)], *other[random.integers(len(other)) :]]


def _change(words: Words, places: Places, params: TeacherTable, random: np.random.Generator) -> Words:
    """Drop some words, and replace others by words that train has in the same place."""
    chances = random.random(len(words))
    kept = [
        _other(place, word, places, random) if chance < params.dropped + params.replaced else word
        for (place, word), chance in zip(_in_places(words), chances, strict=True)
        if chance >= params.dropped
    ]
    return kept or words


def _other(place: tuple[str, str], word: str, places: Places, random: np.random.Generator) -> str:
    alike = places.get(place, [word])
    return alike[random.integers(len(alike))]
