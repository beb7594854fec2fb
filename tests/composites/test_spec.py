"""Names of composites."""

import pytest

from emotion.composites.spec import Composite, parse_composite
from emotion.errors import UsageError


@pytest.mark.parametrize(
    ("name", "composite"),
    [
        ("cascade:lstm/s1,minilm/s1", Composite("cascade", ("lstm/s1", "minilm/s1"))),
        ("cascade:lstm/s1,minilm/s1@0.8312", Composite("cascade", ("lstm/s1", "minilm/s1"), 0.8312)),
        ("cascade:a@b,c@1", Composite("cascade", ("a@b", "c"), 1.0)),
        ("ensemble:a,b,/models/c", Composite("ensemble", ("a", "b", "/models/c"))),
    ],
)
def test_a_name_is_read_and_written(name: str, composite: Composite) -> None:
    assert parse_composite(name) == composite
    assert str(composite) == name


@pytest.mark.parametrize("name", ["lstm/s1", "./cascade", "model:v2", "", "Cascade:a,b", "C:/models/lstm"])
def test_other_names_are_those_of_models(name: str) -> None:
    assert parse_composite(name) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cascade:", "is not a composite"),
        ("cascade:a", "is not a composite"),
        ("cascade:a,b,c", "is not a composite"),
        ("cascade:a,", "is not a composite"),
        ("ensemble:a", "is not a composite"),
        ("ensemble:" + ",".join("abcdefghi"), "is not a composite"),
        ("ensemble:a,b,a", "repeats a member"),
        ("cascade:a,b@", "not a threshold"),
        ("cascade:a,b@1.5", "not a threshold"),
        ("cascade:a,b@0.12345", "not a threshold"),
        ("cascade:a,b@nan", "not a threshold"),
    ],
)
def test_mistakes_are_named(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_composite(name)
