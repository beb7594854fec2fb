"""Makes texts from train's own: texts cross at words that they share, and some words are dropped and replaced.

Tang et al. (2019) teach students with made texts; crossing at shared words keeps them closer to real sentences. A made
text has no label but the teacher's. It shows the student words and contexts about which the teacher knows more than
train's labels say.
"""

import random
from collections.abc import Iterator, Mapping, Sequence

from emotion.params.schema import TeacherTable

# Stands for the word before a text, and for the word after it.
EDGE = ""
# All seeds of a training learn from the same texts, and so the teacher answers once.
SEED = 1
MOST_CROSSINGS = 2
# Words of a text that are tried until other texts have one of them, too.
TRIES = 6
Words = Sequence[str]
Places = Mapping[tuple[str, str], Words]


def make_texts(texts: Sequence[str], params: TeacherTable) -> list[str]:
    """Make `params.made` texts per text of `texts`; only the texts and the parameters decide them.

    More texts begin with the fewer ones, so that runs can share the teacher's answers. The made texts have words of
    `texts` alone, and at least one. Texts without words make none.
    """
    chance = random.Random(SEED)  # noqa: S311  no secret depends on it
    sources = [words for text in texts if (words := text.split())]
    places, crossings = _words_by_place(sources), _Crossings(sources)
    made = (crossings.cross(words, chance) for _ in range(params.made) for words in sources)
    return [" ".join(_change(words, places, params, chance)) for words in made]


class _Crossings:
    """Where texts can cross: the positions of every word, and of every pair of neighboring words."""

    def __init__(self, sources: Sequence[Words]) -> None:
        # All texts in a row, and where the text of each word ends.
        self.words = [word for words in sources for word in words]
        self.ends: list[int] = []
        self.words_at: dict[str, list[int]] = {}
        self.pairs_at: dict[tuple[str, str], list[int]] = {}
        for words in sources:
            first = len(self.ends)
            end = first + len(words)
            for position in range(first, end):
                self.ends.append(end)
                self.words_at.setdefault(self.words[position], []).append(position)
                if position > first:
                    pair = self.words[position - 1], self.words[position]
                    self.pairs_at.setdefault(pair, []).append(position)

    def cross(self, words: Words, chance: random.Random) -> Words:
        """Continue `words` as another text does from a word that both have, once or twice."""
        for _ in range(chance.randint(1, MOST_CROSSINGS)):
            for _ in range(TRIES if len(words) > 1 else 0):
                index = chance.randrange(1, len(words))
                if len(found := self._shared(words[index - 1], words[index])) > 1:
                    position = chance.choice(found)
                    words = [*words[: index + 1], *self.words[position + 1 : self.ends[position]]]
                    break
        return words

    def _shared(self, word: str, following: str) -> Sequence[int]:
        """Positions of `following`: after `word` if several texts have this pair, or else anywhere."""
        pairs = self.pairs_at.get((word, following), [])
        return pairs if len(pairs) > 1 else self.words_at[following]


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
