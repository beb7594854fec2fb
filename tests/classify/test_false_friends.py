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
    "a quote that holds rows, blank lines between": (b'id,text\na,"happy\n\nb,furious\nc,scared"\n', (), None),
    "rows of other line ends and fewer cells": (
        b"id,text,n\r\n1,happy,1\r\n2,furious\n3,scared\r\n4,happy,4\r\n",
        (),
        None,
    ),
    "rows of other line ends, a quoted one among them": (
        b'id,text\r\n1,happy\r\n2,furious\n3,"so\nscared"\n4,happy\n',
        (),
        None,
    ),
    "decimal commas below an id": (b"user_id,text,price\n1,so happy,1,50\n2,so furious,2,30\n", (), ["", ""]),
    "labels behind quoted texts": (b'"text"\n"so happy","joy"\n"so furious","anger"\n', (), ["", ""]),
    "notes without a name, counted rows": (b"pos,text\n0,so happy,x\n5,so furious,y\n9,scared,z\n", (), [""] * 3),
    "a ragged row beside commas, no header": (
        b"1;so, happy\n2;so, furious;x\n",
        ("--no-header", "--text-column", "2"),
        None,
    ),
    "a ragged first row, no header": (
        b"so, happy,1\nfurious,2\nscared,3\n",
        ("--no-header", "--text-column", "1"),
        ["", "anger", "fear"],
    ),
    "the header in other letters": (b"id,text\n1,happy\nID, Text\n2,furious\n", (), ["joy", "", "anger"]),
    "the header in another order": (b"id,text\n1,happy\ntext,id\n2,furious\n", (), ["joy", "", "anger"]),
    "a header of two lines": (b'id;text;"Note\n(so happy, perhaps)"\n1;happy;furious\n', (), ["joy"]),
    "a first name of two lines": (b'"Note\n(optional)";text\nhappy;furious\n', (), ["anger"]),
    "column names that the delimiter cuts": (
        b"id_text\n1_happy\n",
        ("--all-scores", "--quoting", "none", "--delimiter", "_"),
        None,
    ),
    "a column of too many digits": (b"1,happy\n", ("--no-header", "--text-column", "9" * 4301), None),
    "sentences of other line ends": (
        b"id,text\r\n1,I like:\na, b\nc, d\ne, f\r\n2,scared\r\n",
        (),
        None,
    ),
    "texts of several lines, no header": (
        b'1;"so happy, yes\nreally, so"\n2;"furious, yes\nreally, so"\n',
        ("--no-header", "--text-column", "2"),
        ["joy", "anger"],
    ),
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


def test_utf_16_of_two_byte_orders_is_named(command: Command) -> None:
    done = command("\ufefftext\nhappy\n".encode("utf-16-le") + "\ufefffurious\n".encode("utf-16-be"))
    assert done.labels(encoding="utf-16-le") == ["joy", ""]
    assert "another encoding" in done.err


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
    assert "leaves no room" in done.err


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
