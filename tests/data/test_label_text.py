"""Labels as people see them: what is one label to a reader, and escapes for what cannot be seen."""

import pytest

from emotion.data.label_text import lookalikes, name_label, show_label, unseen_sentence


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("joy", "Joy"),
        ("very happy", "veryhappy"),
        ("very happy", "very\u00a0happy"),
        ("joy", "\uff4a\uff4f\uff59"),
        ("joy", "jo\u200by"),
        ("joy", "\ufeffjoy"),
        ("joie\u0301", "joi\u00e9"),
        ("\u2764", "\u2764\ufe0f"),
        ("Straße", "STRASSE"),
    ],
)
def test_labels_that_look_alike_are_a_group(label: str, other: str) -> None:
    assert lookalikes(["anger", label, other]) == [sorted([label, other])]


@pytest.mark.parametrize(("label", "other"), [("joy", "joys"), ("a", "b"), ("1", "1.0"), ("é", "e"), ("", "\u200b")])
def test_other_labels_are_not(label: str, other: str) -> None:
    assert lookalikes([label, other]) == []


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("größte Wut", "'größte Wut'"),
        ("jo\u200by", "'jo\\u200by'"),
        ("a\u00a0b", "'a\\xa0b'"),
        ("joie\u0301", "'joie\\u0301'"),
        ("\u2764\ufe0f", "'\\u2764\\ufe0f'"),
    ],
)
def test_what_cannot_be_seen_is_escaped(label: str, shown: str) -> None:
    assert show_label(label) == shown


@pytest.mark.parametrize(
    ("label", "named"),
    [("very happy", "very happy"), ("joy,fear", "'joy,fear'"), ("\u200b", "'\\u200b'"), ("it's", '"it\'s"')],
)
def test_a_label_in_a_list_is_quoted_only_where_it_could_be_misread(label: str, named: str) -> None:
    assert name_label(label) == named


def test_unseen_labels_are_named_with_the_labels_they_resemble() -> None:
    sentence = unseen_sentence("test", {"jo\u200by", "fear"}, {"joy", "anger"})
    assert sentence.startswith("test has labels that are not in train: fear, 'jo\\u200by'; ")
    assert "'joy' and 'jo\\u200by' differ only in case" in sentence
    assert "anger" not in sentence
