"""The console: streams, tables that fit, progress, and questions."""

import io
import json
import sys
import time

import pytest
from rich.console import Console

from emotion.cli import console
from emotion.cli.console import LogFormat
from emotion.errors import UsageError

ROWS = [["first", "1,234", "0.9"], ["second", "5", "0.75"]]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Stand in for a terminal of 30 columns on stdout."""
    file = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=file, width=30, highlight=False))
    return file


def test_messages_go_to_stderr_and_data_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("hello")
    console.warn("careful")
    console.fail("broken", "mend it")
    console.data("1,2")
    out, err = capsys.readouterr()
    assert out == "1,2\n"
    assert err == "hello\nwarning: careful\nerror: broken\n  try: mend it\n"


def test_a_failure_without_a_hint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.fail("broken", "")
    assert capsys.readouterr().err == "error: broken\n"


def test_what_looks_like_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str], screen: io.StringIO) -> None:
    console.say("[training] epochs")
    console.warn("[/] [red]x")
    console.table("[data]", ["[a]", "[b]"], [["[bold]1", "[/]"]])
    assert capsys.readouterr().err == "[training] epochs\nwarning: [/] [red]x\n"
    assert all(text in screen.getvalue() for text in ("[data]", "[a]", "[bold]1", "[/]"))


# What moves the cursor, rings, recolors, ends lines, or reverses the direction of writing.
CONTROLS = "a\x1b[31m\r\x07\x9b2J\t\u202e\u2028\ud800z"
ESCAPES = r"a\x1b[31m\r\x07\x9b2J\t\u202e\u2028\ud800z"
# An emoji of several characters, a word of Persian, a name of Hindi.
JOINED = (
    "\u2764\ufe0f \U0001f469\u200d\U0001f52c \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937"
)


def test_a_terminal_obeys_nothing_in_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    console.say(f"{CONTROLS}\nsecond line :smile:")
    console.warn(CONTROLS)
    console.fail(CONTROLS, CONTROLS)
    assert capsys.readouterr().err.splitlines() == [
        ESCAPES,
        "second line :smile:",
        f"warning: {ESCAPES}",
        f"error: {ESCAPES}",
        f"  try: {ESCAPES}",
    ]


def test_tabs_of_a_log_become_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    console.log_line("epoch\t1\x1b[2J :smile: [b]\u202e")
    assert capsys.readouterr().err == "epoch   1\\x1b[2J :smile: [b]\\u202e\n"


def test_joiners_of_emoji_and_scripts_stay(capsys: pytest.CaptureFixture[str]) -> None:
    console.say(JOINED)
    assert capsys.readouterr().err == JOINED + "\n"


def test_a_terminal_obeys_nothing_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=file, width=200, highlight=False))
    console.table(CONTROLS, [CONTROLS, "b"], [["c", CONTROLS]])
    assert file.getvalue().count(ESCAPES) == 3
    assert set("\x1b\r\x07\x9b\t\u202e\u2028").isdisjoint(file.getvalue())


def test_columns_are_as_wide_as_their_escapes(screen: io.StringIO) -> None:
    console.table("", ["run", "name", "rows"], [["a", "\u2028" * 3, "12345"]])
    assert screen.getvalue().count("run") == 2
    assert max(map(len, screen.getvalue().splitlines())) <= 30


def test_a_terminal_obeys_nothing_in_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=file, force_terminal=True, width=200))
    with console.meter("\x07[b]\u202e :smile:", "rows", total=4) as meter:
        assert meter.bar is not None
        meter.advance(1, "\x07[i]\u202d")
        meter.bar.refresh()
    assert r"\x07[b]\u202e :smile:" in file.getvalue()
    assert r"\x07[i]\u202d" in file.getvalue()


def test_a_terminal_obeys_nothing_in_a_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "interactive", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert console.confirm(CONTROLS, yes=False)
    assert ESCAPES in capsys.readouterr().err


def test_a_long_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("word " * 200)
    assert capsys.readouterr().err.count("\n") == 1


def test_json_keeps_letters_and_refuses_what_json_has_not(capsys: pytest.CaptureFixture[str]) -> None:
    console.data_json({"label": "größte 恐れ"})
    out = capsys.readouterr().out
    assert "größte 恐れ" in out
    assert json.loads(out) == {"label": "größte 恐れ"}
    with pytest.raises(ValueError, match="JSON"):
        console.data_json(float("nan"))


def test_a_table_that_is_too_wide_goes_on_below_with_its_first_column(screen: io.StringIO) -> None:
    console.table("Title", ["run", "a long heading", "another long one"], ROWS)
    text = screen.getvalue()
    assert text.count("first") == text.count("second") == 2
    assert text.count("Title") == 1
    assert all(heading in text for heading in ("a long heading", "another long one"))
    assert max(map(len, text.splitlines())) <= 30


def test_a_table_that_fits_is_one(screen: io.StringIO) -> None:
    console.table("", ["run", "rows", "score"], ROWS)
    text = screen.getvalue()
    assert text.count("first") == 1
    assert "1,234 │" in text
    assert "    5 │" in text


def test_columns_that_are_no_numbers_stand_left(screen: io.StringIO) -> None:
    console.table("", ["run", "name", "score"], [["a", "x", "1"], ["b", "longer", "20"]], numbers=1)
    assert "│ x      │     1 │" in screen.getvalue()


@pytest.mark.parametrize("log", list(LogFormat))
def test_without_a_terminal_a_line_comes_every_so_many_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, log: LogFormat
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with console.meter("epoch 1/3", "rows", total=4000, log=log) as meter:
        for _ in range(4):
            now[0] += 5
            meter.advance(1000)
    lines = capsys.readouterr().err.splitlines()
    if log is LogFormat.JSON:
        assert [json.loads(line) for line in lines] == [
            {"event": "epoch 1/3", "unit": "rows", "done": done, "total": 4000, "per_second": 200}
            for done in (2000, 4000)
        ]
    else:
        assert lines == [f"epoch 1/3: {done} of 4,000 rows, 200/s" for done in ("2,000", "4,000")]


def test_what_was_done_before_counts_and_makes_nothing_faster(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with console.meter("epoch 2/3", "rows", total=4000, done=1000) as meter:
        now[0] += 10
        meter.advance(2000, "loss 0.5")
    assert capsys.readouterr().err == "epoch 2/3: 3,000 of 4,000 rows, 200/s, loss 0.5\n"


def test_on_a_terminal_the_bar_begins_where_it_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=file, force_terminal=True, width=100))
    with console.meter("epoch 2/3", "rows", total=4000, done=1000) as meter:
        assert meter.bar is not None
        meter.bar.refresh()
        first = file.getvalue()
        meter.advance(500)
        meter.bar.refresh()
    assert "1000/4000" in first
    assert "1500/4000" in file.getvalue()


def test_json_lines_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    console.log_json({"event": "error", "record": "a\nb"})
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line) == {"event": "error", "record": "a\nb"}


def test_json_lines_have_null_for_a_loss_that_is_not_finite(capsys: pytest.CaptureFixture[str]) -> None:
    console.log_json({"event": "epoch", "loss": float("nan"), "accuracy": 0.5})
    assert capsys.readouterr().err == '{"event": "epoch", "loss": null, "accuracy": 0.5}\n'


def test_nobody_can_be_asked_in_a_test() -> None:
    assert console.interactive() is False


def test_without_a_terminal_a_formality_goes_on_and_a_loss_needs_yes() -> None:
    assert console.confirm("Submit?", yes=False)
    with pytest.raises(UsageError, match="not removing x: there is no terminal to ask on") as caught:
        console.confirm("Remove x?", yes=False, refusal="not removing x")
    assert caught.value.hint == "add --yes"
    assert console.confirm("Remove x?", yes=True, refusal="not removing x")


@pytest.mark.parametrize(
    ("refusal", "answer", "agreed"),
    [("", "\n", True), ("", "n\n", False), ("not removing x", "\n", False), ("not removing x", "y\n", True)],
)
def test_on_a_terminal_enter_means_yes_unless_something_is_lost(
    monkeypatch: pytest.MonkeyPatch, refusal: str, answer: str, *, agreed: bool
) -> None:
    monkeypatch.setattr(console, "interactive", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert console.confirm("Go on?", yes=False, refusal=refusal) is agreed
