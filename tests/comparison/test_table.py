"""The comparison table: the study's columns first; CSV, JSON and Markdown tell the same."""

import csv
import itertools
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from emotion.comparison.table import COLUMNS, SAMPLE_NOTE, as_csv, as_markdown, records, shown
from emotion.evaluation.metrics_file import Metrics
from tests.builders import make_metrics, make_teacher

STUDY = [
    "model",
    "training time",
    "accuracy",
    "loss",
    "val. accuracy",
    "val. loss",
    "parameters (trainable)",
]
RUNS = [
    make_metrics(
        "ann",
        training_seconds=12.4,
        train__accuracy=0.99271,
        train__loss=0.02824,
        validation__accuracy=0.86851,
        validation__loss=0.47484,
        parameters__trainable=1_329_190,
    ),
    make_metrics("bert", training_seconds=7380.0, parameters__trainable=66_958_086),
]


def tokens(markdown: str) -> list[Token]:
    """All tokens that a renderer of GitHub's tables finds."""
    found = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [token for outer in found for token in [outer, *(outer.children or [])]]


def cells(markdown: str) -> list[list[str]]:
    """Give the table's cells as a reader sees them."""
    rows: list[list[str]] = []
    parsed = MarkdownIt("commonmark").enable("table").parse(markdown)
    for outer, inner in itertools.pairwise(parsed):
        if outer.type == "tr_open":
            rows.append([])
        elif outer.type in {"th_open", "td_open"}:
            rows[-1].append("".join(child.content for child in inner.children or []))
    return rows


def test_the_studys_columns_come_first_and_in_order() -> None:
    assert [column.title for column in COLUMNS][: len(STUDY)] == STUDY


def test_the_studys_figures_are_shown_as_the_study_did() -> None:
    assert shown(RUNS)[0][:7] == ["ann", "12 s", "0.9927", "0.0282", "0.8685", "0.4748", "1,329,190"]


def test_titles_and_keys_are_not_repeated() -> None:
    assert len({column.title for column in COLUMNS}) == len(COLUMNS)
    assert len(records(RUNS)[0]) == len({column.key for column in COLUMNS}) + 9


def test_a_student_is_told_from_the_model_without_a_teacher() -> None:
    student = make_metrics("ann", teacher=make_teacher("ensemble:minilm/s1,minilm/s2,bert/s1"))
    assert [cells[0] for cells in shown([*RUNS, student])] == ["ann", "bert", "ann taught by 2 minilm + bert"]
    assert [(row["model"], row["teacher"]) for row in records([RUNS[0], student])] == [
        ("ann", ""),
        ("ann", "ensemble:minilm/s1,minilm/s2,bert/s1"),
    ]


@pytest.mark.parametrize(
    ("run", "models"),
    [
        ("minilm/s1", "minilm"),
        ("ensemble:minilm/s1,bert/s1,minilm/s2", "2 minilm + bert"),
        ("cascade:lstm/s1,minilm/s1@0.83", "lstm + minilm"),
    ],
)
def test_the_models_of_a_teacher(run: str, models: str) -> None:
    assert make_metrics("lstm", teacher=make_teacher(run)).title == f"lstm taught by {models}"


def test_csv_and_records_agree() -> None:
    rows = list(csv.DictReader(as_csv(RUNS).splitlines()))
    assert rows == [{key: str(value) for key, value in record.items()} for record in records(RUNS)]
    assert [row["model"] for row in rows] == ["ann", "bert"]
    assert [column.key for column in COLUMNS] == list(rows[0])[: len(COLUMNS)]


def test_markdown_shows_what_the_csv_holds() -> None:
    header, *rows = cells(as_markdown(RUNS, "emotion", []))
    assert header == [column.title for column in COLUMNS]
    for row, record in zip(rows, csv.DictReader(as_csv(RUNS).splitlines()), strict=True):
        table = dict(zip(header, row, strict=True))
        assert table["model"] == record["model"]
        assert table["run"] == record["run"]
        assert table["accuracy"] == f"{float(record['train_accuracy']):.4f}"
        assert table["val. accuracy"] == f"{float(record['validation_accuracy']):.4f}"
        assert table["val. loss"] == f"{float(record['validation_loss']):.4f}"
        assert table["test accuracy"] == f"{float(record['test_accuracy']):.4f}"
        assert table["parameters (trainable)"] == f"{int(record['parameters_trainable']):,}"
        low, high = float(record["test_accuracy_low"]), float(record["test_accuracy_high"])
        assert table["95 % interval"] == f"{low:.3f}-{high:.3f}"


def test_the_figures_are_those_of_their_splits() -> None:
    changes: dict[str, Any] = {
        "train__accuracy": 0.11,
        "train__loss": 0.12,
        "validation__accuracy": 0.21,
        "validation__loss": 0.22,
        "test__accuracy": 0.31,
        "test__loss": 0.32,
        "test__macro_f1": 0.33,
        "test__ece": 0.34,
    }
    (record,) = records([make_metrics(**changes)])
    for key, value in changes.items():
        assert record[key.replace("__", "_")] == value


def test_figures_on_the_sample_say_so() -> None:
    sample = [RUNS[0], make_metrics("lstm", data__sample=True)]
    assert SAMPLE_NOTE in as_markdown(sample, "sample", [])
    assert SAMPLE_NOTE not in as_markdown(RUNS, "emotion", [])
    assert [record["sample"] for record in records(sample)] == [False, True]


def test_observations_stand_under_the_table() -> None:
    markdown = as_markdown(RUNS, "emotion", ["One is fast.", "One is good."])
    assert markdown.endswith("* One is fast.\n* One is good.\n")
    assert sum(token.type == "list_item_open" for token in tokens(markdown)) == 2


@pytest.mark.parametrize(
    "name",
    [
        "a | b",
        "two\nlines",
        "two\n\n# Headings",
        "a\r\r# Heading",
        "<script>alert(1)</script>",
        "<img src=x>",
        "![x](http://example.org/x.png)",
        "[x](http://example.org)",
        "<http://example.org>",
        "back\\slash \\| pipe",
        "`code`",
        "**bold**",
    ],
)
def test_a_name_is_shown_as_it_is_and_adds_nothing(name: str) -> None:
    """The name of the data comes from a file beside it."""
    found = tokens(as_markdown(RUNS, name, []))
    plain = tokens(as_markdown(RUNS, "emotion", []))
    assert [token.type for token in found if token.type not in {"text", "text_special"}] == [
        token.type for token in plain if token.type not in {"text", "text_special"}
    ]
    assert len(cells(as_markdown(RUNS, name, []))) == 1 + len(RUNS)


def test_a_cell_cannot_add_columns() -> None:
    hostile: list[Metrics] = [make_metrics("a|b\\|c\n|d"), RUNS[0]]
    rows = cells(as_markdown(hostile, "emotion", []))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 3
    assert rows[1][0] == "a|b\\|c |d"
