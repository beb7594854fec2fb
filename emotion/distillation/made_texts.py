"""Makes texts from train's texts: they cross at shared words, and some words are dropped and replaced.

Tang et al. (2019) teach students with made texts. A crossing at a shared word keeps a made text close to real
sentences. A made text has only the teacher's label. It shows the student words and contexts that the teacher knows
better than train's labels.
"""

import random
from collections.abc import Iterator, Mapping, Sequence

from emotion.params.schema import TeacherTable

# Stands for the missing words before and after a text.
EDGE = ""
# All seeds of a training learn from the same texts. So the teacher answers once.
SEED = 1
MOST_CROSSINGS = 2
# Tries to find a word of a text that other texts have, too.
TRIES = 6
Words = Sequence[str]
Places = Mapping[tuple[str, str], Words]


def make_texts(texts: Sequence[str], params: TeacherTable) -> list[str]:
    """Make `params.made` texts per text of `texts`, from the texts and the parameters alone.

    With a larger `made`, the same texts come first: runs can share the teacher's answers. Made texts have at least one
    word, and only words of `texts`. Texts without words make none.
    """
    chance = random.Random(SEED)  # noqa: S311  no secret depends on it
    sources = [words for text in texts if (words := text.split())]
    places, crossings = _words_by_place(sources), _Crossings(sources)
    made = (crossings.cross(words, chance) for _ in range(params.made) for words in sources)
    return [" ".join(_change(words, places, params, chance)) for words in made]


class _Crossings:
    """Positions where texts can cross: of every word, and of every pair of neighboring words."""

    def __init__(self, sources: Sequence[Words]) -> None:
        # The words of all texts in a row, and the end of the text of every word.
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
        """Replace the end of `words` by the end of another text after a shared word, once or twice."""
        for _ in range(chance.randint(1, MOST_CROSSINGS)):
            for _ in range(TRIES if len(words) > 1 else 0):
                index = chance.randrange(1, len(words))
                if len(found := self._shared(words[index - 1], words[index])) > 1:
                    position = chance.choice(found)
                    words = [*words[: index + 1], *self.words[position + 1 : self.ends[position]]]
                    break
        return words

    def _shared(self, word: str, following: str) -> Sequence[int]:
        """Positions of `following` after `word`, or all its positions if only one text has this pair."""
        pairs = self.pairs_at.get((word, following), [])
        return pairs if len(pairs) > 1 else self.words_at[following]


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
