"""The grammar of the sample."""

from emotion.data import sample, sample_grammar


def test_no_word_belongs_to_two_emotions() -> None:
    """Otherwise a sentence could have either label."""
    for forms in (sample_grammar.STATES, sample_grammar.NOUNS, sample_grammar.DEEDS, sample_grammar.SCENES):
        phrases = [phrase for label in sample.SAMPLE_LABELS for phrase in forms[label].split("|")]
        assert len(set(phrases)) == len(phrases)
