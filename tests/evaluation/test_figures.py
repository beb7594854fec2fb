"""A run's figures: five, of what its files say, whatever its labels are called and however many there are."""

import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emotion.errors import BadDataError, CannotWriteError, InputMissingError
from emotion.evaluation import figures
from emotion.evaluation.figures import MOST_LABELS, confusion_counts, draw_run, most_frequent
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.evaluation.predictions import Predictions
from emotion.models.backend import prepare
from emotion.models.build import architecture, build_model
from emotion.params.schema import AnnTable, LstmTable, WordParams, WordTextTable, WordTrainingTable
from emotion.plots import fonts, style
from emotion.store.atomic import write_json, write_text
from emotion.store.layout import Run, Store
from tests.comparison.scenes import write_full_run
from tests.plots.drawings import drawn, parse

NAMES = ("architecture", "calibration", "confusion", "precision_recall", "training")
HOSTILE = [
    "</text><script>alert(1)</script>",
    '--> $x^2$ & "q"',
    "\x1b[31mred\nalert\x00",
    "_" * 300,
    "\u202eback",
    " ",
]


def layer(name: str, kind: str, detail: str, shape: Sequence[int | None], parameters: int = 0) -> dict[str, Any]:
    return {"name": name, "type": kind, "detail": detail, "output_shape": shape, "parameters": parameters}


ANN = {
    "name": "ann",
    "parameters": {"total": 1_329_190, "trainable": 1_329_190},
    "layers": [
        layer("input_ids", "InputLayer", "", [None, 35]),
        layer("embedding", "Embedding", "8,126 words, 128 features", [None, 35, 128], 1_040_128),
        layer("flatten", "Flatten", "", [None, 4480]),
        layer("dense_1", "Dense", "64 units, relu", [None, 64], 286_784),
        layer("dense_2", "Dense", "32 units, relu", [None, 32], 2_080),
        layer("logits", "Dense", "6 units, linear", [None, 6], 198),
    ],
}


def make(folder: Path, **changes: Any) -> tuple[Run, Metrics]:
    run = write_full_run(Store(folder), "ann", **changes)
    write_json(run.architecture, ANN)
    return run, read_metrics(run.metrics)


def draw(run: Run, metrics: Metrics) -> list[str]:
    """Draw a run's figures, where no warning may be given but those that are told."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return draw_run(run, metrics)


def check_files(run: Run) -> None:
    """All ten files are there, can be opened, and are no larger than a page takes."""
    assert sorted(path.name for path in run.figures.iterdir()) == [
        f"{name}.{kind}" for name in NAMES for kind in ("png", "svg")
    ]
    for name in NAMES:
        with Image.open(run.figures / f"{name}.png") as image:
            image.load()
            assert min(image.size) > 300
            assert max(image.size) < 2000
        root = parse((run.figures / f"{name}.svg").read_bytes())
        assert root.tag == f"{{{style.SVG}}}svg"
        assert not list(root.iter(f"{{{style.SVG}}}script"))


def test_a_runs_figures_are_drawn_without_the_training_framework(tmp_path: Path) -> None:
    """It has two labels, and its training diverged."""
    run, _ = make(tmp_path, labels=["no", "yes"], rows=30)
    head, *rows = run.history.read_text().splitlines()
    run.history.write_text("\n".join([head, *rows[:2], "3,nan,0.5,inf,0.5,1000,1,0,False"]) + "\n")
    program = """
import sys
from pathlib import Path
from emotion.evaluation.figures import draw_run
from emotion.evaluation.metrics_file import read_metrics
from emotion.store.layout import Store
run = Store(Path(sys.argv[1])).find("ann/" + sys.argv[2])
print(draw_run(run, read_metrics(run.metrics)))
unwanted = {"tensorflow", "keras", "matplotlib.pyplot", "transformers"} & set(sys.modules)
sys.exit(f"imported {unwanted}" if unwanted else 0)
"""
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path), run.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    check_files(run)


def test_very_many_labels_some_without_rows_and_some_with_hostile_names(tmp_path: Path) -> None:
    run, metrics = make(tmp_path, labels=[*HOSTILE, *(f"label {number}" for number in range(300))], rows=1000)
    assert draw(run, metrics) == []
    check_files(run)
    content = b"".join((run.figures / f"{name}.svg").read_bytes() for name in NAMES)
    assert b"<script" not in content


def test_letters_without_a_font_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_others", dict)
    monkeypatch.setattr(style, "save", lambda *_: None)
    run, metrics = make(tmp_path, labels=["no", "\u6f22"], rows=30)
    (warning,) = draw(run, metrics)
    assert "U+6F22" in warning


@pytest.mark.parametrize("name", ["history.csv", "architecture.json", "test.npz"])
def test_a_part_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(style, "save", lambda *_: None)
    run, metrics = make(tmp_path, rows=30)
    (path,) = run.folder.rglob(name)
    path.unlink()
    with pytest.raises(InputMissingError, match=name):
        draw(run, metrics)


@pytest.mark.parametrize("name", ["history.csv", "test.npz"])
def test_a_part_that_is_damaged_is_named(tmp_path: Path, name: str) -> None:
    run, metrics = make(tmp_path, rows=30)
    (path,) = run.folder.rglob(name)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadDataError, match=name):
        draw(run, metrics)


def test_a_store_that_cannot_be_written(tmp_path: Path, read_only: Path) -> None:
    run, metrics = make(tmp_path, rows=30)
    run.figures.symlink_to(read_only)
    with pytest.raises(CannotWriteError, match=r"training\.png"):
        draw(run, metrics)


class TestArchitecture:
    @pytest.fixture
    def run(self, tmp_path: Path) -> Run:
        return Store(tmp_path).run("ann", "s1")

    def texts(self, run: Run, content: dict[str, Any]) -> list[str]:
        write_json(run.architecture, content)
        return drawn(lambda: figures._architecture(run.architecture, run))

    def test_layers_shapes_and_parameters_from_top_to_bottom(self, run: Run) -> None:
        assert self.texts(run, ANN) == [
            *("layer", "output", "parameters"),
            *("input", "input_ids", "35"),
            *("Embedding", "8,126 words, 128 features", "35 x 128", "1,040,128"),
            *("Flatten", "4,480"),
            *("Dense", "64 units, relu", "64", "286,784"),
            *("Dense", "32 units, relu", "32", "2,080"),
            *("Dense", "6 units, linear", "6", "198"),
            *("softmax", "one score per label"),
            "ann/s1: 1,329,190 parameters, all trainable",
        ]

    def test_weights_that_stay_as_they_are_and_any_length(self, run: Run) -> None:
        layers = [layer("input_ids", "InputLayer", "", [None, None]), layer("mask", "MaskBias", "", [None, 1, 1, None])]
        texts = self.texts(run, {"parameters": {"total": 1500, "trainable": 500}, "layers": layers})
        assert "ann/s1: 1,500 parameters, 500 trainable" in texts
        assert "any" in texts
        assert "MaskBias" not in texts

    @pytest.mark.parametrize(
        "content",
        [
            {},
            {"layers": [], "parameters": 5},
            {"layers": [], "parameters": {"total": 5}},
            {"layers": [], "parameters": {"total": "many", "trainable": 1}},
            {"layers": [], "parameters": {"total": None, "trainable": 1}},
            {"layers": None, "parameters": ANN["parameters"]},
            {"layers": ["Dense"], "parameters": ANN["parameters"]},
            {"layers": [{"type": "Dense"}], "parameters": ANN["parameters"]},
            {
                "layers": [layer("d", "Dense", "", [None, 2]) | {"output_shape": [None, "x"]}],
                "parameters": ANN["parameters"],
            },
            {"layers": [layer("d", "Dense", "", [None, 2]) | {"output_shape": 3}], "parameters": ANN["parameters"]},
            {"layers": [layer("d", "Dense", "", [None, 2]) | {"parameters": []}], "parameters": ANN["parameters"]},
        ],
    )
    def test_a_damaged_file(self, run: Run, content: dict[str, Any]) -> None:
        with pytest.raises(BadDataError, match=r"architecture\.json is not an architecture") as caught:
            self.texts(run, content)
        assert caught.value.exit_code == 65

    @pytest.mark.parametrize("content", ["", "[]", json.dumps(ANN)[:-9]])
    def test_a_file_that_is_no_object(self, run: Run, content: str) -> None:
        write_text(run.architecture, content)
        with pytest.raises(BadDataError, match=r"architecture\.json"):
            figures._architecture(run.architecture, run)

    @pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999"])
    def test_a_number_that_is_none(self, run: Run, number: str) -> None:
        write_text(run.architecture, json.dumps(ANN).replace("286784", number))
        with pytest.raises(BadDataError, match="is not an architecture"):
            figures._architecture(run.architecture, run)

    @pytest.mark.parametrize(
        ("params", "layers"),
        [
            (
                AnnTable(),
                [
                    *("input", "input_ids", "35"),
                    *("Embedding", "8,126 words, 128 features", "35 x 128", "1,040,128"),
                    *("Flatten", "4,480"),
                    *("Dense", "64 units, relu", "64", "286,784"),
                    *("Dense", "32 units, relu", "32", "2,080"),
                    *("Dense", "6 units, linear", "6", "198"),
                ],
            ),
            (
                LstmTable(),
                [
                    *("input", "input_ids", "any"),
                    *("Embedding", "8,126 words, 128 features", "any x 128", "1,040,128"),
                    *("Bidirectional", "LSTM, 128 units, from both ends", "256", "263,168"),
                    *("Dense", "64 units, relu", "64", "16,448"),
                    *("Dense", "32 units, relu", "32", "2,080"),
                    *("Dense", "6 units, linear", "6", "198"),
                ],
            ),
        ],
    )
    def test_the_studys_models_are_told_to_the_letter(
        self, run: Run, params: AnnTable | LstmTable, layers: list[str]
    ) -> None:
        prepare(1, 0)
        training = WordTrainingTable(buckets=isinstance(params, LstmTable))
        word = WordParams(model=params, text=WordTextTable(max_length=35), training=training)
        texts = self.texts(run, architecture(build_model(word, vocabulary=8126, labels=6)))
        total = {"ann": "1,329,190", "lstm": "1,322,022"}[params.name]
        assert texts[-1] == f"ann/s1: {total} parameters, all trainable"
        assert texts[3:-3] == layers

    def test_what_we_add_to_them_is_told_too(self, run: Run) -> None:
        prepare(1, 0)
        params = LstmTable(feature_dropout=0.4, units_dropout=0.3)
        word = WordParams(model=params, text=WordTextTable(max_length=35))
        texts = self.texts(run, architecture(build_model(word, vocabulary=8126, labels=6)))
        assert texts.count("Dropout") == 2
        assert "0.4 of whole features, while training" in texts
        assert "0.3 of values, while training" in texts

    def test_the_inputs_of_a_transformer_stand_beside_each_other(self, run: Run) -> None:
        names = ("input_ids", "token_type_ids", "attention_mask")
        layers = [layer(name, "InputLayer", "", [None, None]) for name in names]
        texts = self.texts(run, {"parameters": {"total": 0, "trainable": 0}, "layers": layers})
        assert texts[3:6] == ["input", ", ".join(names), "any"]


def predictions(labels: Sequence[int], predicted: Sequence[int], classes: int) -> Predictions:
    logits = np.eye(classes, dtype=np.float32)[np.asarray(predicted, int)]
    return Predictions(np.asarray([b"0" * 16] * len(labels)), np.asarray(labels, np.int32), logits)


def test_confusion_is_counted_by_label_and_predicted_label() -> None:
    counts = confusion_counts(predictions([0, 0, 1, 1, 1], [0, 2, 1, 1, 0], 3), 3)
    assert counts.tolist() == [[1, 0, 1], [1, 2, 0], [0, 0, 0]]


class TestMostFrequent:
    def test_up_to_what_can_be_shown_everything_is_kept(self) -> None:
        test = predictions([0, 1], [1, 1], MOST_LABELS)
        kept, names = most_frequent(test, [str(number) for number in range(MOST_LABELS)])
        assert kept is test
        assert len(names) == MOST_LABELS

    def test_of_more_the_most_frequent_are_kept_in_their_order_with_the_rows_among_them(self) -> None:
        """Labels 0 and 1 have no row, 2 has one, and all others two, of which 3 and 4 have one wrong each."""
        classes = MOST_LABELS + 2
        truth = [2, *range(3, classes), *range(3, classes)]
        predicted = [2, *range(3, classes), 4, 1, *range(5, classes)]
        test = predictions(truth, predicted, classes)
        kept, names = most_frequent(test, [f"label {number}" for number in range(classes)])
        assert names == [f"label {number}" for number in range(2, classes)]
        counts = confusion_counts(kept, MOST_LABELS)
        assert counts[1].tolist() == [0, 1, 1, *[0] * (MOST_LABELS - 3)]
        assert counts.sum(axis=1).tolist() == [1, 2, 1, *[2] * (MOST_LABELS - 3)]
        assert kept.logits.shape == (len(truth) - 1, MOST_LABELS)
        assert len(kept.row) == len(truth) - 1

    def test_no_row_may_be_left(self) -> None:
        classes = MOST_LABELS + 1
        test = predictions(list(range(MOST_LABELS)), [MOST_LABELS] * MOST_LABELS, classes)
        kept, names = most_frequent(test, [str(number) for number in range(classes)])
        assert len(kept.label) == 0
        assert not confusion_counts(kept, len(names)).any()
