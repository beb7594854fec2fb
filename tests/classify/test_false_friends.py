"""Files that look like another dialect: no cell but the text is classified, and no row goes without a word."""

import re

import pytest

from tests.classify.command import Command

# Name, content, options, and the labels of all rows; None if the file is refused.
FILES: dict[str, tuple[bytes, tuple[str, ...], list[str] | None]] = {
    "decimal commas": (b"id,text,price\n1,so happy,1,50\n2,so furious,2,30\n3,scared,9,99\n", (), ["", "", ""]),
    "a last column without a name": (b"id,text\n1,happy,x\n2,furious,y\n", (), ["", ""]),
    "notes behind some rows": (b"id,text\n1,happy,\n2,furious,scared\n3,scared,\n", (), ["", "", ""]),
    "a quoted last column without a name": (b'"id","text"\n"a1","happy","x"\n"a2","furious","y"\n', (), ["", ""]),
    "thousands in a list": (b"text\n1,000 people are happy\n2,500 are furious\n", (), ["", ""]),
    "decimals in a list": (b"text\n0,5 liter happy\n1,5 liter furious\n", (), ["", ""]),
    "a comma in all texts": (b"id,text\n1,yes,happy\n2,no,furious\n3,so,scared\n", (), ["", "", ""]),
    "ids, and an index": (b"id,text\n1,7,happy\n2,8,furious\n", (), ["joy", "anger"]),
    "two delimiters, no header": (b"1;happy, x\n2;furious, y\n", ("--no-header", "--text-column", "2"), None),
    "blank lines in front, no header": (
        b"\n" * 40 + b"1;happy\n2;furious\n",
        ("--no-header", "--text-column", "2"),
        ["joy", "anger"],
    ),
    "blank lines in front": (b"\n" * 40 + b"id;text\n1;happy\n2;furious\n", (), ["joy", "anger"]),
    "a long first row": (
        b"1;happy " + b"x, " * 30_000 + b"\n2;furious\n",
        ("--no-header", "--text-column", "2"),
        ["joy", "anger"],
    ),
    "a long first row below a header": (b"text,n\nhappy " + b"x" * 70_000 + b",4\nfurious,5\n", (), ["joy", "anger"]),
    "a quote that holds rows": (b'id,text\n1,"happy\n2,furious\n3,scared\n4,happy"\n5,happy\n', (), None),
    "a quote that holds the next row": (b'id,text\n1,"happy\n2,furious"\n3,happy\n', (), None),
    "a quote that holds rows below a comma": (b'id,text\n1,"happy, x\n2,furious\n3,scared"\n4,happy\n', (), None),
    "a line end before the row's own": (b"id,text\r\n1,happy\n\r\n2,furious\r\n", (), None),
    "a delimiter that the encoding lacks": (
        b"id,text\n1,happy\n",
        ("--delimiter", "\u20ac", "--encoding", "latin-1"),
        None,
    ),
    "a delimiter of numbers": (b"id.text\n1.happy\n", ("--delimiter", "."), None),
    "many blank lines within": (
        b"id,text\n1,happy\n" + b"\n" * 100_000 + b"2,furious\n",
        (),
        ["joy", "anger"],
    ),
    "a question as the header": (
        b'"How do you feel, today?"\n"happy, x"\n',
        ("--text-column", "How do you feel, today?"),
        ["joy"],
    ),
    "a line of letters": (b"id,text\r\n1,dear all\nThanks, so happy\r\n2,furious\r\n", (), None),
    "a separator line that ends in another way": (b"sep=;\r\nid;text\n1;happy\n", (), ["joy"]),
}


@pytest.mark.parametrize("name", FILES)
def test_no_other_cell_is_classified(command: Command, name: str) -> None:
    content, options, labels = FILES[name]
    done = command(content, *options)
    if labels is None:
        assert done.code in {2, 65}
        assert not done.output.exists()
        return
    assert done.code == (0 if any(labels) else 65), done.err
    assert done.labels(";" if b";" in content else ",", header="--no-header" not in options) == labels


def test_an_index_is_taken_with_a_warning(command: Command) -> None:
    done = command("n,text\n0,7,happy\n1,8,furious\n")
    assert done.labels() == ["joy", "anger"]
    assert "warning" in done.err
    assert "index without a name" in done.err


def test_a_long_first_object_shows_its_keys(command: Command) -> None:
    content = b'{"text":"happy","label":"x","b":"' + b"y" * 70_000 + b'"}\n' + b'{"text":"happy","label":"x"}\n' * 5
    assert command(content, name="in.jsonl").json_labels() == ["joy"] * 6


def test_thousands_of_columns_are_not_all_named(command: Command) -> None:
    done = command(",".join(f"column {number}" for number in range(10_000)) + "\n")
    assert done.code == 65
    assert "and 9,990 more" in done.err
    assert len(done.err) < 1000


def test_names_that_are_too_long_for_an_errors_file(command: Command) -> None:
    done = command("text\nhappy\n", to="x" * 245 + ".csv")
    assert done.code == 2
    assert "too long" in done.err


def test_half_a_line_end_at_the_end_stays_behind_the_cells(command: Command) -> None:
    done = command("id,text\r\n1,happy\r")
    assert re.fullmatch(rb"id,text,label,score\r\n1,happy,joy,0\.\d+\r", done.written)


@pytest.mark.parametrize("first", [b"sep=.", b"sep=1", b"sep=\xff", b'sep="'])
def test_a_separator_line_that_names_no_delimiter_is_the_files_fault(command: Command, first: bytes) -> None:
    done = command(first + b"\nid,text\n1,happy\n")
    assert done.code == 65
    assert not done.output.exists()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "shift_jis"])
def test_a_mark_of_utf_8_wins_over_a_named_encoding(command: Command, encoding: str) -> None:
    done = command("\ufeffid,text\n1,caf\u00e9 happy\n", "--encoding", encoding)
    assert done.labels() == ["joy"]
    assert ", utf-8" in done.err
