"""Lines, marks, encodings and packing as people's files have them: rows are right or named, and every byte is kept."""

import gzip
import re

import pytest

from tests.classify.command import Command

LONE = {
    "last column": ("id,text\n1,i feel\rhappy\n2,furious\n", ","),
    "middle column": ("id,text,n\n1,i feel\rhappy,3\n2,furious,4\n", ","),
    "one column": ("text\ni feel\rhappy\nfurious\n", ","),
    "semicolons": ("text;n\ni feel\rhappy;3\nfurious;4\n", ";"),
    "in CRLF": ("id,text\r\n1,i feel\rhappy\r\n2,furious\r\n", ","),
    "in quotes": ('id,text\n1,"i feel\rhappy"\n2,furious\n', ","),
    "other separators": ("id,text\n1,\x0b\x0c\x1c\x85\u2028\u2029 happy\n2,furious\n", ","),
}


@pytest.mark.parametrize("name", LONE)
def test_a_lone_carriage_return_is_part_of_its_field(command: Command, name: str) -> None:
    content, delimiter = LONE[name]
    done = command(content)
    assert done.code == 0, done.err
    assert done.labels(delimiter) == ["joy", "anger"]
    assert done.errors == []


DOUBLE_RETURNS = {
    "one row": ("id,text\n1,happy\n2,scared\r\r\n3,furious\r\n", ["joy", "", "anger"]),
    "one row of CRLF": ("id,text\r\n1,happy\r\n2,scared\r\r\n3,furious\r\n", ["joy", "", "anger"]),
    "quoted": ('id,text\r\n1,happy\r\n2,"scared"\r\r\n3,furious\r\n', ["joy", "", "anger"]),
}


@pytest.mark.parametrize("name", DOUBLE_RETURNS)
def test_a_line_that_ends_in_two_carriage_returns_is_named(command: Command, name: str) -> None:
    content, labels = DOUBLE_RETURNS[name]
    done = command(content)
    assert done.labels() == labels
    assert [reason for _, reason, _ in done.errors] == [r"the line ends in \r twice"]


@pytest.mark.parametrize(("header", "options"), [("text,n\r\r\n", ()), ("", ("--no-header", "--text-column", "1"))])
def test_a_file_with_two_carriage_returns_in_all_lines_is_refused(
    command: Command, header: str, options: tuple[str, ...]
) -> None:
    done = command(f"{header}happy,1\r\r\nfurious,2\r\r\n", *options)
    assert done.code == 65
    assert r"\r twice" in done.err
    assert "tr -d" in done.err


@pytest.mark.parametrize(
    ("content", "options"), [("happy\rscared\rfurious\n", ("--no-header",)), ("id,text\r1,happy\r2,so\n", ())]
)
def test_a_line_feed_behind_lines_that_end_in_carriage_returns_is_refused(
    command: Command, content: str, options: tuple[str, ...]
) -> None:
    done = command(content, *options)
    assert done.code == 65
    assert r"a \n within a line, but the first line ends in \r" in done.err
    assert not done.output.exists()


def test_a_lone_carriage_return_in_a_tsv(command: Command) -> None:
    done = command("id\ttext\n1\ti feel\rhappy\n2\tfurious\n", name="in.tsv")
    assert done.labels("\t") == ["joy", "anger"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "not ended"])
@pytest.mark.parametrize("header", ["text", "id,text", "id;text"])
def test_line_ends_are_kept(command: Command, header: str, end: str, *, last: bool) -> None:
    row = header.replace("text", "very happy"), header.replace("text", "so furious")
    done = command(end.join((header, *row)) + (end if last else ""))
    assert done.code == 0, done.err
    assert done.labels(";" if ";" in header else ",") == ["joy", "anger"]


def test_line_ends_that_are_mixed_are_the_rows_own(command: Command) -> None:
    done = command("id,text\n1,happy\r\n2,furious\n3,scared\r\n")
    assert done.labels() == ["joy", "anger", "fear"]
    assert re.sub(rb"0\.\d+", b"0", done.written).endswith(b"1,happy,joy,0\r\n2,furious,anger,0\n3,scared,fear,0\r\n")


@pytest.mark.parametrize(
    "rows", ["1,happy\n2,furious\r\n", "1,happy\n2,furious\r\n3,scared\r\n", "1,happy\n2,furious\n"]
)
def test_other_line_ends_than_the_first_swallow_no_row(command: Command, rows: str) -> None:
    done = command("id,text\r\n" + rows)
    if done.code == 65:
        assert r"\n" in done.err
        assert not done.output.exists()
    else:
        assert done.labels() == ["joy", "anger", "fear"][: len(rows.split())]


# Texts in which a person sees nothing.
INVISIBLE = {
    "zero-width space": "\u200b",
    "byte order mark": "\ufeff",
    "word joiner": "\u2060",
    "zero-width joiners": "\u200d\u200c",
    "left-to-right mark": "\u200e",
    "no-break space": "\xa0",
    "ideographic space": "\u3000",
    "soft hyphen": "\xad",
    "spaces and marks": " \u200b\t ",
    "Ctrl-Z": "\x1a",
}


@pytest.mark.parametrize("name", INVISIBLE)
@pytest.mark.parametrize("header", ["text", "n,text"])
def test_a_text_that_shows_nothing_has_no_label(command: Command, header: str, name: str) -> None:
    rows = (header.replace("text", cell) for cell in ("text", "happy", INVISIBLE[name], "scared"))
    done = command("\n".join(rows) + "\n")
    assert done.code == 0
    assert done.labels() == ["joy", "", "fear"]
    [[line, reason, _]] = done.errors
    assert line == "3"
    assert reason


NAMED: dict[str, tuple[str, list[str]]] = {
    "two files, one mark each": ("\ufeffid,text\n1,happy\n\ufeffid,text\n2,scared\n", ["joy", "", "fear"]),
    "two files of one column": ("\ufefftext\nhappy\n\ufefftext\nscared\n", ["joy", "", "fear"]),
    "two lists": ("\ufefftext\nhappy\n\ufefffurious\nscared\n", ["joy", "", "fear"]),
    "a mark in the first row": ("text\n\ufeffhappy\nscared\n", ["", "fear"]),
    "a header once more": ("id,text\n1,happy\nid,text\n2,scared\n", ["joy", "", "fear"]),
    "a header of one column once more": ("text\nhappy\ntext\nscared\n", ["joy", "", "fear"]),
    "a quoted header once more": ('"id","text"\n1,happy\n"id","text"\n2,scared\n', ["joy", "", "fear"]),
    "Ctrl-Z at the end": ("id,text\n1,happy\n\x1a", ["joy", ""]),
    "Ctrl-Z at the end of the last row": ("id,text\n1,happy\n2,scared\x1a", ["joy", ""]),
    "Ctrl-Z at the end of one column": ("text\r\nhappy\r\n\x1a", ["joy", ""]),
}


@pytest.mark.parametrize("name", NAMED)
def test_rows_that_are_no_texts_are_named(command: Command, name: str) -> None:
    content, labels = NAMED[name]
    done = command(content)
    assert done.code == 0
    assert done.labels() == labels
    assert [int(line) for line, *_ in done.errors] == [labels.index("") + 2]


def test_a_second_byte_order_mark(command: Command) -> None:
    done = command("\ufeff\ufefftext\nhappy\n")
    assert done.code == 65
    assert r"\ufefftext" in done.err or "byte order mark" in done.err
    done = command("\ufeff\ufeffhappy\nscared\n", "--no-header")
    assert done.labels(header=False) == ["", "fear"]


ROWS = "id,text\n1,so happy\n2,furious\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.jsonl", "in.csv.gz"])
def test_utf_16_without_a_mark_is_refused_with_its_name(command: Command, name: str, encoding: str) -> None:
    content = ROWS.replace(",", "\t") if "tsv" in name else ROWS
    data = ('{"text": "happy"}\n' if "jsonl" in name else content).encode(encoding)
    done = command(gzip.compress(data) if name.endswith("gz") else data, name=name)
    assert done.code == 65
    assert f"--encoding {encoding}" in done.err
    assert not done.output.exists()


def test_utf_16_without_a_mark_is_read_with_its_name(command: Command) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        done = command(ROWS.encode(encoding), "--encoding", encoding)
        assert done.code == 0, done.err
        assert done.labels(encoding=encoding) == ["joy", "anger"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("said", [True, False], ids=["said", "not said"])
def test_utf_16_with_a_mark_keeps_mark_and_order(command: Command, encoding: str, *, said: bool) -> None:
    content = ROWS.replace("so", "\u222c\u0a0d\u0d0a\u2c22\U0001f600")
    done = command(f"\ufeff{content}".encode(encoding), *(["--encoding", "utf-16"] if said else []))
    if not said and done.code == 65:
        assert "--encoding utf-16" in done.err
        assert not done.output.exists()
        return
    assert done.code == 0, done.err
    assert done.labels(encoding=encoding) == ["joy", "anger"]


def test_a_nul_is_not_passed_over(command: Command) -> None:
    done = command("id,text\n1,hap\0py\n2,furious\n")
    assert done.code == 65 or done.labels()[0] == ""


ENCODED = {
    "cp1252": b"id;text\r\n1;\x93caf\xe9\x94 \x80 happy\r\n2;furious\r\n",
    "latin-1": b"id;text\n1;\x85\xa0\xff happy\n2;furious\n",
    "cp437": b"id;text\n1;\x82\xe1 happy\n2;furious\n",
    "shift_jis": b"id;text\n1;\x83\x5c\x83\x7c\x95\x5c happy\n2;furious\n",
    "cp932": b"id;text\n1;\x87\x90 \x81\xe0 \xfa\x54 \x81\xca happy\n2;furious\n",
    "gb18030": b"id;text\n1;\x81\x30\x81\x30 happy\n2;furious\n",
    "iso2022_jp": "id;text\n1;\u3001\u30fb happy\n2;furious\n".encode("iso2022_jp"),
    "mac_roman": b"id;text\r1;\x8e happy\r2;furious\r",
    "utf-32": "\ufeffid;text\n1;\u222c happy\n2;furious\n".encode("utf-32-be"),
}


@pytest.mark.parametrize("encoding", [name for name in ENCODED if name != "utf-32"])
def test_bytes_of_other_encodings_are_kept(command: Command, encoding: str) -> None:
    done = command(ENCODED[encoding], "--encoding", encoding)
    assert done.code == 0, done.err
    assert done.labels(";", encoding) == ["joy", "anger"]


def test_utf_32_keeps_its_order_or_is_refused(command: Command) -> None:
    done = command(ENCODED["utf-32"], "--encoding", "utf-32")
    assert done.code == 65 or done.written.startswith(ENCODED["utf-32"][:32])


def test_bytes_that_are_no_text_of_the_encoding_are_named_and_kept(command: Command) -> None:
    done = command(b"id,text\n1,happy \xff\n\xe9,furious\n3,\xed\xa0\x80scared\n4,scared\n")
    assert done.labels() == ["", "anger", "", "fear"]
    assert [line for line, *_ in done.errors] == ["2", "4"]


PACKED = {
    "suffix in capitals": ("IN.CSV.GZ", gzip.compress(ROWS.encode()), "out.csv"),
    "mixed letters": ("in.csv.Gz", gzip.compress(ROWS.encode()), "out.csv.Gz"),
    "no suffix": ("in.csv", gzip.compress(ROWS.encode()), "out.csv"),
    "suffix and not packed": ("in.csv.gz", ROWS.encode(), "out.csv"),
    "several members": (
        "in.csv.gz",
        b"".join(map(gzip.compress, (b"id,text\n1,hap", b"py\n", b"2,furious\n"))),
        "out.csv",
    ),
    "an empty member": ("in.csv.gz", gzip.compress(b"") + gzip.compress(ROWS.encode()), "out.csv"),
    "zeros behind": ("in.csv.gz", gzip.compress(ROWS.encode()) + bytes(512), "out.csv"),
}


@pytest.mark.parametrize("stdin", [False, True], ids=["file", "stdin"])
@pytest.mark.parametrize("name", PACKED)
def test_packed_files_are_found_by_their_bytes(command: Command, name: str, *, stdin: bool) -> None:
    file, data, output = PACKED[name]
    done = command(data, name=file, to=output, stdin=stdin)
    assert done.code == 0, done.err
    assert done.labels() == ["joy", "anger"]
    assert done.output.read_bytes().startswith(b"\x1f\x8b") == output.lower().endswith(".gz")


@pytest.mark.parametrize("stdin", [False, True], ids=["file", "stdin"])
@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz"])
def test_packed_files_that_are_not_whole(command: Command, name: str, *, stdin: bool) -> None:
    packed = gzip.compress(ROWS.encode() * 1000)
    for data in (packed[:-20], packed + b"more", packed[:2]):
        done = command(data, name=name, to="out.csv", stdin=stdin)
        assert done.code == 65
        assert not done.output.exists()


def test_an_empty_file_that_is_called_packed(command: Command) -> None:
    done = command(b"", name="in.csv.gz", to="out.csv")
    assert (done.code, done.written) == (0, b"")


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ("text\xa0", r"\\xa0|\\u00a0"),
        ("te\u200bxt", r"\\u200b"),
        ("text\u200e", r"\\u200e"),
        ("te\xadxt", r"\\xad|\\u00ad"),
    ],
    ids=["no-break space", "zero-width space", "left-to-right mark", "soft hyphen"],
)
def test_names_show_what_cannot_be_seen(command: Command, column: str, shown: str) -> None:
    done = command(f"id,{column}\n1,happy\n")
    assert done.code == 65
    assert re.search(shown, done.err), done.err
    assert column not in done.err
