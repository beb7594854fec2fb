"""Quotes: in CSV they hold fields together; in TSV they do so only within a line, unless an option says more."""

import re

import pytest

from tests.classify.command import Command

FOUR_ROWS = 'id\ttext\n1\t"so happy\n2\tvery scared\n3\tfurious"\n4\thappy\n'
SPANNING = 'id\ttext\n1\t"very happy\nand so"\n2\tfurious\n'


def test_quotes_of_a_tsv_end_with_their_line(command: Command) -> None:
    done = command(FOUR_ROWS, name="in.tsv")
    assert done.code == 0, done.err
    assert done.labels("\t") == ["joy", "fear", "anger", "joy"]
    assert done.errors == []


def test_two_quotes_far_apart_swallow_no_row_of_a_tsv(command: Command) -> None:
    between = "".join(f"{number}\tscared\n" for number in range(2, 3001))
    done = command(f'id\ttext\n1\t"happy\n{between}3001\tfurious"\n3002\thappy\n', name="in.tsv")
    assert done.code == 0, done.err
    assert done.labels("\t") == ["joy", *["fear"] * 2999, "anger", "joy"]
    assert "3,002 rows" in done.err


KEPT = {
    "quotes within a field": '1\tshe said "happy" to me\n',
    "a quoted field": '1\t"so happy"\n',
    "a quoted field with a tab": '1\t"so\thappy"\n',
    "a quoted field with quotes": '1\t"she said ""happy"" to me"\n',
    "a quote in front": '1\t"happy she said\n',
    "a quote behind": '1\tso happy"\n',
    "one quote alone": '"\thappy\n',
    "an inch": '5"\thappy 3"\n',
    "two quoted words": '1\t"so" happy "so"\n',
    "an empty quoted field": '""\thappy\n',
    "a backslash": '1\t\\"happy\\"\n',
    "apostrophes": "1\t'so happy'\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", KEPT)
def test_quotes_of_a_tsv_stay_as_they_are(command: Command, name: str, end: str) -> None:
    rows = ("id\ttext\n" + KEPT[name] + "2\tfurious\n").replace("\n", end)
    done = command(rows, name="in.tsv")
    assert done.code == 0, done.err
    assert done.labels("\t") == ["joy", "anger"]
    assert done.errors == []


LATE = "id\ttext\n" + "0\thappy\n" * 20_000 + SPANNING.partition("\n")[2]


@pytest.mark.parametrize("content", [SPANNING, LATE, SPANNING.replace("\n", "\r\n")], ids=["early", "late", "CRLF"])
def test_a_tsv_whose_fields_span_lines_is_refused(command: Command, content: str) -> None:
    done = command(content, name="in.tsv")
    assert done.code == 65
    assert "--quoting csv" in done.err
    assert not done.output.exists()


@pytest.mark.parametrize("content", [SPANNING, LATE], ids=["early", "late"])
def test_a_tsv_whose_fields_span_lines_is_read_with_an_option(command: Command, content: str) -> None:
    done = command(content, "--quoting", "csv", name="in.tsv")
    assert done.code == 0, done.err
    assert done.labels("\t")[-2:] == ["joy", "anger"]
    assert done.errors == []
    assert len(done.labels("\t")) == content.count("\thappy") + 2


def test_a_tsv_whose_header_spans_lines_is_refused(command: Command) -> None:
    content = 'text\t"Note\n(optional)"\nhappy\tx\nfurious\ty\n'
    done = command(content, name="in.tsv")
    assert done.code == 65
    assert "--quoting csv" in done.err
    assert not done.output.exists()
    assert command(content, "--quoting", "csv", name="in.tsv").labels("\t") == ["joy", "anger"]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ('text\t"How do\nyou feel?"\tn\nhappy\tx\t1\nsad\ty\t2\n', ()),
        ('1\t"so\nhappy"\tx\n2\t"so\nfurious"\ty\n', ("--no-header", "--text-column", "2")),
        ('"one line"\ta\n"so\nhappy"\tb\n', ("--no-header", "--text-column", "1")),
        ('"so\nhappy"\n"furious"\n', ("--no-header",)),
        ('1\t"so happy, yes\nyes, I do"\n2\t"furious, no\nyes, I do"\n', ("--no-header", "--text-column", "2")),
    ],
)
def test_a_tsv_whose_first_row_spans_lines_is_refused(command: Command, content: str, options: tuple[str, ...]) -> None:
    done = command(content, *options, name="in.tsv")
    assert done.code == 65
    assert "--quoting csv" in done.err
    assert not done.output.exists()


def test_a_tsv_with_quotes_in_all_fields_and_no_line_ends_in_them(command: Command) -> None:
    done = command('"id"\t"text"\n"1"\t"so happy"\n"2"\t"very, ""scared"""\n', name="in.tsv")
    assert done.labels("\t") == ["joy", "fear"]


def test_without_quoting_quotes_are_text(command: Command) -> None:
    done = command(SPANNING, "--quoting", "none", name="in.tsv")
    assert done.labels("\t") == ["joy", "", "anger"]
    [[line, reason, _]] = done.errors
    assert (line, reason) == ("3", "1 field where the header has 2")
    done = command('id,text\n1,"happy\n2,"so furious\n"3,scared"\n4,"so, so"\n', "--quoting", "none")
    assert done.labels() == ["joy", "anger", "fear", ""]
    assert [line for line, *_ in done.errors] == ["5"]


CSV = {
    "quoted": 'id,text\n1,"so happy"\n',
    "empty quotes": 'id,text\n"",happy\n',
    "quoted by hand": 'id,text\n"1","happy"\n',
    "quotes in quotes": 'id,text\n1,"she said ""happy"""\n',
    "a line end": 'id,text\n1,"so\nvery happy"\n',
    "another line end": 'id,text\n1,"so\r\nvery\rhappy"\n',
    "a blank line in quotes": 'id,text\n1,"so\n\nhappy"\n',
    "a quote within": 'id,text\n1,she said "happy" to me\n',
    "spaces": "id,text\n 1 ,  happy  \n",
    "an id with zeros": "id,text\n007,happy\n",
    "a row within a text": 'id,text\n1,"so happy\n5,so happy"\n',
    "a header with a line end": '"i\nd",text\n1,happy\n',
    "a header in quotes": '"id","text"\r\n1,"so,\r\nhappy"\r\n',
}


@pytest.mark.parametrize("name", CSV)
def test_cells_of_a_csv_stay_as_they_are(command: Command, name: str) -> None:
    done = command(CSV[name])
    assert done.code == 0, done.err
    assert done.labels() == ["joy"]


def test_rows_in_error_keep_their_bytes(command: Command) -> None:
    rows = '1,"happy" she said,3\n2,"scared"\n"3",furious,""," ",5\n4,so happy,""\n"5",  ,"x"\n'
    done = command("id,text,n\n" + rows)
    assert done.code == 0
    assert done.labels() == ["", "", "", "joy", ""]
    assert [line for line, *_ in done.errors] == ["2", "3", "4", "6"]


def test_new_cells_of_a_short_row_stand_under_their_names(command: Command) -> None:
    done = command("id,text,n,m\n1\n2,happy\n3,happy,4,5\n")
    assert done.written.splitlines()[:3] == [b"id,text,n,m,label,score", b"1,,,,,", b"2,happy,,,,"]
    assert [reason for _, reason, _ in done.errors] == [
        "1 field where the header has 4",
        "2 fields where the header has 4",
    ]
    assert re.fullmatch(rb"3,happy,4,5,joy,0\.\d+", done.written.splitlines()[3])


def test_a_quote_that_is_never_closed_costs_no_good_row(command: Command) -> None:
    done = command('id,text\n1,happy\n2,"furious\n3,scared\n4,happy\n')
    assert done.labels() == ["joy", "", "fear", "joy"]
    assert [line for line, *_ in done.errors] == ["3"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_field_over_the_limit_is_one_row_in_error(command: Command, end: str) -> None:
    long = "".join(f"{number},a happy line of one field{end}" for number in range(45_000))
    done = command(f'id,text{end}1,happy{end}2,"{long}"{end}3,furious{end}4,scared{end}')
    assert done.code == 0, done.err
    assert done.labels() == ["joy", "", "anger", "fear"]
    [[line, reason, _]] = done.errors
    assert line == "3"
    assert "1,048,576" in reason


def test_a_long_field_without_quotes_is_one_row_in_error(command: Command) -> None:
    done = command(f"id,text\n1,{'so ' * 400_000}\n2,furious\n")
    assert done.labels() == ["", "anger"]
    done = command(f"id\ttext\n1\t{'so ' * 400_000}\n2\tfurious\n", name="in.tsv")
    assert done.labels("\t") == ["", "anger"]
