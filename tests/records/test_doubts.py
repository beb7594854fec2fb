"""Lines that may be rows or one text."""

import pytest

from emotion.records.doubts import hold_rows, is_prose

ROWS = {
    "three": ['1,"happy', "7,furious", '4,scared"'],
    "blank lines between": ['1,"happy', "", "7,furious", "", '4,scared"'],
    "two that count": ['1,"happy', '2,furious"'],
    "a comma in the first": ['1,"happy, x', '2,furious"'],
    "names": ['ann,"happy', "bob,furious", 'cy,scared"'],
}
TEXTS = {
    "two": ['1,"happy', '7,furious"'],
    "another width": ['1,"happy', "furious", 'scared"'],
    "sentences": ['ann,"Hi', "yes, I am", "no, I am not", 'well, bye"'],
    "numbers in one of the lines alone": ['1,"happy', "so,furious", 'very,scared"'],
}


@pytest.mark.parametrize("name", [*ROWS, *TEXTS])
def test_lines_of_a_quoted_cell(name: str) -> None:
    assert hold_rows({**ROWS, **TEXTS}[name], ",", 2) is (name in ROWS)


def test_a_space_follows_the_commas_of_prose() -> None:
    assert is_prose(["a,b", "c, d"], ",")
    assert not is_prose(["a,b", "c ,d"], ",")
    assert not is_prose(["a, b"], ";")
