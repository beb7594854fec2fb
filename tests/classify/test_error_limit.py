"""How many rows may lack a label: values of --max-errors, their bounds, and the message."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from emotion.classify.error_limit import ErrorLimit
from emotion.classify.statistics import Statistics
from emotion.errors import BadDataError, UsageError


def counts(rows: int, **reasons: int) -> Statistics:
    return Statistics(rows, sum(reasons.values()), reasons=Counter(reasons))


def exceeded(limit: ErrorLimit, rows: int, errors: int) -> bool:
    try:
        limit.check(Path("in.csv"), None, counts(rows, short=errors))
    except BadDataError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("0", ErrorLimit(count=0)),
        ("10", ErrorLimit(count=10)),
        ("007", ErrorLimit(count=7)),
        ("0%", ErrorLimit(percent=Fraction("0"))),
        ("0.5%", ErrorLimit(percent=Fraction("0.5"))),
        ("100%", ErrorLimit(percent=Fraction("100"))),
        ("100.0%", ErrorLimit(percent=Fraction("100"))),
    ],
)
def test_a_number_or_a_share(text: str, limit: ErrorLimit) -> None:
    assert ErrorLimit.parse(text) == limit


@pytest.mark.parametrize(
    "text",
    ["", "%", "-1", "+1", "1.5", "1e3", "100.1%", "101%", "5 %", " 5", "5\n", "5%\n", ".5%", "1.%", "٣", "1,000"],
)
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a limit") as caught:
        ErrorLimit.parse(text)
    assert "0.5%" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "rows", "errors", "expected"),
    [
        (None, 0, 0, False),
        (None, 1, 1, True),
        (None, 5, 4, False),
        (None, 5, 5, True),
        ("0", 0, 0, False),
        ("0", 5, 0, False),
        ("0", 5, 1, True),
        ("5", 5, 5, False),
        ("4", 5, 5, True),
        ("0%", 0, 0, False),
        ("0%", 5, 1, True),
        ("20%", 5, 1, False),
        ("19.999999%", 5, 1, True),
        ("100%", 5, 5, False),
        ("0.57%", 10_000, 57, False),
        ("0.57%", 10_000, 58, True),
    ],
)
def test_a_file_has_at_most_so_many_errors(text: str | None, rows: int, errors: int, *, expected: bool) -> None:
    limit = ErrorLimit() if text is None else ErrorLimit.parse(text)
    assert exceeded(limit, rows, errors) is expected


def test_a_share_is_exact() -> None:
    wrong = [
        hundredths
        for hundredths in range(10_000)
        for limit in [ErrorLimit.parse(f"{hundredths / 100:.2f}%")]
        if exceeded(limit, 10_000, hundredths) or not exceeded(limit, 10_000, hundredths + 1)
    ]
    assert wrong == []


def test_the_message_has_the_most_frequent_reason() -> None:
    errors = Path("out.csv.errors.csv")
    with pytest.raises(BadDataError) as caught:
        ErrorLimit().check(Path("in.csv"), errors, counts(1500, short=300, empty=1200))
    message = "in.csv: none of 1,500 rows got a label; the most frequent reason (1,200 rows): empty"
    assert (caught.value.message, caught.value.exit_code) == (message, 65)
    assert "out.csv.errors.csv lists these rows" in caught.value.hint
    with pytest.raises(BadDataError, match=r"in\.csv: 1,200 of 1,500") as caught:
        ErrorLimit(count=0).check(Path("in.csv"), None, counts(1500, short=300))
    assert "None" not in caught.value.hint
    with pytest.raises(BadDataError, match=r"none of 1 row got a label; the most frequent reason \(1 row\): empty"):
        ErrorLimit().check(Path("in.csv"), None, counts(1, empty=1))


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("not JSON: Expecting value", "jq"),
        ("an array instead of an object", "jq"),
        ("no key 'text'", "--text-column"),
        ("no key 'JSON'", "--text-column"),
        ("no key 'fields'", "--text-column"),
        ("1 field where the header has 2", "--delimiter"),
        ("3 fields where the header has 2", "--delimiter"),
        ("malformed quoting: text follows a closing quote", "--quoting"),
        ("undecodable bytes in the text", "--encoding"),
        ("empty text", "--text-column"),
    ],
)
def test_the_reason_decides_the_advice(reason: str, advice: str) -> None:
    with pytest.raises(BadDataError) as caught:
        ErrorLimit().check(Path("in.csv"), None, counts(2, **{reason: 2}))
    assert advice in caught.value.hint
