"""Lessons: which texts a student learns from, and its targets by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion.data.dataset import load_dataset
from emotion.distillation.lesson import Material, collect, make_lesson
from emotion.distillation.teacher import Teacher
from emotion.errors import BadDataError
from emotion.params.schema import DataTable, TeacherTable, WordParams
from emotion.store.atomic import sha256
from tests.builders import TEST, TRAIN, VALIDATION, write_dataset

ANSWERS = np.asarray([[2.0, 0.0], [0.0, 1.0], [-1.0, 3.0]], np.float32)


def softmax(logits: Any) -> Any:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


def lesson(**table: Any) -> Any:
    """The lesson of two known texts, labeled 1 and 1, and a made one."""
    asked = TeacherTable(run="ann/s1", **table)
    return make_lesson(Material(["a", "b", "c"], 2, 1, 0), ANSWERS, np.asarray([1, 1], np.int32), asked, 0.2)


def test_targets_mix_the_smoothed_label_with_the_teachers_probabilities() -> None:
    found = lesson(weight=0.75, temperature=2.0)
    taught = softmax(ANSWERS / 2)
    label = np.asarray([0.1, 0.9])
    np.testing.assert_allclose(found.targets[:2], 0.25 * label + 0.75 * taught[:2], rtol=1e-6)
    np.testing.assert_allclose(found.targets[2], taught[2], rtol=1e-6)
    assert found.targets.dtype == np.float32


def test_labels_are_trains_own_and_the_teachers_for_other_texts() -> None:
    assert lesson(weight=1.0).labels.tolist() == [1, 1, 1]
    assert lesson(weight=1.0).labels.dtype == np.int32


def test_without_weight_train_says_what_it_said() -> None:
    np.testing.assert_allclose(lesson(weight=0.0).targets[:2], [[0.1, 0.9]] * 2, rtol=1e-6)


def gather(folder: Path, content: str, **table: Any) -> tuple[Material, list[str]]:
    data = load_dataset(write_dataset(folder / "data", train=TRAIN, validation=VALIDATION, test=TEST), DataTable())
    file = folder / "more.csv"
    file.write_text(content)
    asked = TeacherTable(run="ann/s1", unlabelled=str(file), **{"made": 0, **table})
    teacher = Teacher(asked, (folder,), "0" * 64, sha256(file))
    warnings: list[str] = []
    params = WordParams.model_validate({"model": {"name": "ann"}})
    return collect(params, teacher, data, warnings.append), warnings


def test_train_comes_first_then_made_texts_then_the_file(tmp_path: Path) -> None:
    found, warnings = gather(tmp_path, "text\nsomething new\n", made=2)
    assert found.texts[: len(TRAIN)] == [text for text, _ in TRAIN]
    assert found.texts[-1] == "something new"
    assert (found.known, found.made, found.unlabelled) == (len(TRAIN), 2 * len(TRAIN), 1)
    assert len(found.texts) == 3 * len(TRAIN) + 1
    assert warnings == []


def test_texts_of_validation_and_test_are_left_out_with_a_warning(tmp_path: Path) -> None:
    found, warnings = gather(tmp_path, f'text\n{VALIDATION[0][0]}\nsomething new\n{TEST[0][0]}\n" "\n')
    assert found.texts[len(TRAIN) :] == ["something new"]
    assert [line.rpartition("more.csv: ")[2] for line in warnings] == [
        "left out 1 row without a text",
        "left out 2 texts from validation or test, which would make their scores unreliable",
    ]


def test_a_file_that_changed_since_its_digest(tmp_path: Path) -> None:
    data = load_dataset(write_dataset(tmp_path / "data", train=TRAIN, validation=VALIDATION, test=TEST), DataTable())
    file = tmp_path / "more.csv"
    file.write_text("text\nother\n")
    teacher = Teacher(TeacherTable(run="ann/s1", unlabelled=str(file)), (tmp_path,), "0" * 64, "1" * 64)
    with pytest.raises(BadDataError, match="changed while"):
        collect(WordParams.model_validate({"model": {"name": "ann"}}), teacher, data, print)
