"""`emotion explore`: what is written, what is printed where, and the exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.errors import BadDataError, CannotWriteError, InputMissingError
from emotion.explore.figures import FIGURES
from emotion.params.schema import WordTextTable
from tests.builders import ODD_DIALECT, write_dataset, write_odd_dataset
from tests.explore.toyfont import bare_machine


def invoke(*args: object) -> tuple[str, str]:
    """Run the command; an error is raised with its exit code."""
    done = CliRunner().invoke(app, ["explore", *map(str, args)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout, done.stderr


def test_figures_and_numbers_are_written_and_the_key_numbers_printed(tmp_path: Path) -> None:
    data, out = write_dataset(tmp_path / "data"), tmp_path / "new" / "out"

    text, stderr = invoke("--data", data, "--out", out, "--vocabulary", 5, "--max-length", 4)

    assert {path.name for path in out.iterdir()} == {
        *(f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")),
        "explore.json",
    }
    rows = {line.split("│")[1].strip(): line.split("│")[2:5] for line in text.splitlines() if line.startswith("│")}
    found = {name: [cell.strip() for cell in cells] for name, cells in rows.items()}
    assert found == {
        "rows": ["4", "2", "2"],
        "labels": ["2", "2", "2"],
        "words": ["25", "5", "7"],
        "distinct words": ["23", "", ""],
        "among the 3 most frequent words of train": ["20.0%", "0.0%", "14.3%"],
        "texts with at most 4 words": ["25.0%", "100.0%", "100.0%"],
    }
    assert "texts with two labels or more, across all splits: 0" in text
    assert f"wrote 7 figures as PNG and SVG, and explore.json to {out}" in stderr
    assert "wrote" not in text


def test_json_is_what_was_written_of_one_file_with_other_columns(tmp_path: Path) -> None:
    file, out = tmp_path / "reviews.csv", tmp_path / "out"
    file.write_text("review,stars\n" + "".join(f"text {number},{number % 2}\n" for number in range(20)))

    content, _ = invoke("--data", file, "--out", out, "--text-column", "review", "--label-column", "stars", "--json")

    found = json.loads(content, parse_constant=pytest.fail)
    assert found == json.loads((out / "explore.json").read_bytes())
    assert found["rows"] == {"train": 16, "validation": 2, "test": 2}
    assert found["labels"]["train"]["0"] == {"count": 8, "share": 0.5}
    assert (found["vocabulary"]["chosen"], found["lengths"]["chosen"]) == (8126, 35)


def test_files_of_a_dialect_that_the_options_name(tmp_path: Path) -> None:
    """Quotes without an end and commas are text; the first line is a row."""
    splits = {
        "train": [('"so happy, today', "joy"), ('"so furious, " today', "anger"), ("so glad", "joy")],
        "validation": [('"so glad', "joy")],
        "test": [('"so, mad', "anger")],
    }
    data = write_odd_dataset(tmp_path / "data", **splits)

    content, _ = invoke("--data", data, *ODD_DIALECT, "--out", tmp_path / "out", "--json")

    found = json.loads(content)
    assert found["rows"] == {"train": 3, "validation": 1, "test": 1}
    assert found["labels"]["train"] == {"joy": {"count": 2, "share": 2 / 3}, "anger": {"count": 1, "share": 1 / 3}}
    longest = sorted((row["split"], row["text"], row["label"]) for row in found["lengths"]["longest"])
    assert longest == sorted((name, text, label) for name, rows in splits.items() for text, label in rows)


def test_the_help_names_the_defaults_of_the_parameters() -> None:
    text = " ".join(invoke("--help")[0].replace("│", " ").split())
    chosen = WordTextTable()
    assert f"(default: {chosen.vocabulary})" in text
    assert f"(default: {chosen.max_length})" in text


def test_characters_that_no_font_has_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare_machine(monkeypatch, [])
    data = write_dataset(tmp_path, train=[("뷁 joy", "뷁"), ("fear", "b")])
    _, stderr = invoke("--data", data, "--out", tmp_path / "out")
    assert "뷁 (U+BDC1)" in stderr


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match="no data set at"):
        invoke("--data", tmp_path / "none", "--out", tmp_path / "out")
    (write_dataset(tmp_path / "bad", ".txt") / "test.txt").write_text("no label here\n")
    with pytest.raises(BadDataError, match="line 1"):
        invoke("--data", tmp_path / "bad", "--out", tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError):
        invoke("--data", write_dataset(tmp_path / "good"), "--out", tmp_path / "file" / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "number"), [("vocabulary", 2), ("vocabulary", 1_000_001), ("max_length", 0), ("max_length", 4097)]
)
def test_numbers_that_no_tokenizer_can_have_are_usage(tmp_path: Path, name: str, number: int) -> None:
    with pytest.raises(ValidationError):
        WordTextTable.model_validate({name: number})
    option = f"--{name.replace('_', '-')}"
    done = CliRunner().invoke(app, ["explore", "--data", str(tmp_path), "--out", str(tmp_path), option, str(number)])
    assert done.exit_code == 2


def test_data_that_cannot_be_trained_on_is_explored_without_tensorflow(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", train=[("a b", "only")], validation=[], test=[("c", "new")])
    code = (
        "import sys\nfrom emotion.cli.app import app\n"
        f"app(['explore', '--data', {str(data)!r}, '--out', {str(tmp_path / 'out')!r}], standalone_mode=False)\n"
        "print(sorted({'tensorflow', 'keras', 'transformers', 'onnxruntime', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "among the 2 most frequent words of train" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
