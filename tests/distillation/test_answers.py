"""The teacher's answers: calibrated logits, kept in parts, computed once, and never another teacher's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.classify.precision import load_predictor
from emotion.composites.find import choose_model
from emotion.composites.spec import parse_composite
from emotion.distillation import answers
from emotion.distillation.answers import ask, wait_for_answers
from emotion.distillation.teacher import Teacher, composite_digest
from emotion.errors import BadParametersError, Terminated, TryAgainError
from emotion.onnx.graphs import find_graph
from emotion.onnx.model_files import read_files
from emotion.onnx.session import Classifier
from emotion.params.schema import TeacherTable
from emotion.store.layout import Store
from tests.composites.members import write_member
from tests.toy import LABELS, write_model

WORDS = ("furious", "scared", "happy")
TEXTS = [f"i feel {WORDS[number % 3]} today {number}" for number in range(10)]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PART", 4)


@pytest.fixture
def teacher(tmp_path: Path) -> Teacher:
    """A toy model with a temperature of 2."""
    folder = write_model(tmp_path / "model")
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"calibration_temperature": 2.0}))
    return as_teacher(folder)


def as_teacher(folder: Path) -> Teacher:
    return Teacher(TeacherTable(run="toy/s1"), (folder,), read_files(find_graph(folder, "float32")).digest)


class Asked:
    """A call of `ask`: what it told, and how many parts it wrote; it may stop before part `stop`."""

    def __init__(
        self, teacher: Teacher, folder: Path, texts: list[str] = TEXTS, stop: int = 99, others: Sequence[Path] = ()
    ) -> None:
        self.told: list[str] = []
        self.parts, self.stop = 0, stop
        self.logits: NDArray[np.float32] = ask(teacher, texts, LABELS, folder, others, 1, self.told.append, self.count)

    def count(self) -> None:
        if self.parts == self.stop:
            raise Terminated
        self.parts += 1


def log_softmax(logits: Any) -> Any:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_they_are_the_logarithms_of_the_calibrated_scores(tmp_path: Path, teacher: Teacher) -> None:
    found = Asked(teacher, tmp_path / "answers")
    (folder,) = teacher.folders
    np.testing.assert_allclose(found.logits, log_softmax(Classifier.load(folder).logits(TEXTS) / 2), rtol=1e-5)
    assert found.logits.dtype == np.float32
    assert "answers 10 texts" in found.told[0]
    assert "answered 10 of 10 texts" in found.told[-1]


def test_they_are_computed_once(tmp_path: Path, teacher: Teacher) -> None:
    first, again = (Asked(teacher, tmp_path / "answers") for _ in range(2))
    assert (first.parts, again.parts) == (3, 0)
    assert again.told == []
    assert again.logits.tobytes() == first.logits.tobytes()


def test_a_killed_process_goes_on_where_it_was(tmp_path: Path, teacher: Teacher) -> None:
    with pytest.raises(Terminated):
        Asked(teacher, tmp_path / "answers", stop=2)
    rest = Asked(teacher, tmp_path / "answers")
    assert rest.parts == 1
    assert "answers 2 texts" in rest.told[0]
    assert rest.logits.tobytes() == Asked(teacher, tmp_path / "whole").logits.tobytes()


def test_answers_of_other_runs_are_copied(tmp_path: Path, teacher: Teacher) -> None:
    first = Asked(teacher, tmp_path / "first", TEXTS[:9])
    others = [tmp_path / "absent", tmp_path / "first"]
    second = Asked(teacher, tmp_path / "second", others=others)
    assert second.told[0] == "the teacher answered 8 texts for other runs: copied"
    assert "answers 2 texts" in second.told[1]
    assert (tmp_path / "second" / "00001.npz").read_bytes() == (tmp_path / "first" / "00001.npz").read_bytes()
    assert second.logits.tobytes() == Asked(teacher, tmp_path / "alone").logits.tobytes()
    assert first.logits[:8].tobytes() == second.logits[:8].tobytes()


def test_answers_of_another_teacher_are_not_copied(tmp_path: Path, teacher: Teacher) -> None:
    other = as_teacher(write_model(tmp_path / "other"))
    Asked(other, tmp_path / "first")
    second = Asked(teacher, tmp_path / "second", others=[tmp_path / "first"])
    assert "answers 10 texts" in second.told[0]
    assert second.logits.tobytes() == Asked(teacher, tmp_path / "alone").logits.tobytes()


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_part_is_computed_again(tmp_path: Path, teacher: Teacher, content: bytes | None) -> None:
    first = Asked(teacher, tmp_path / "answers")
    part = tmp_path / "answers" / "00001.npz"
    if content is None:
        with part.open("wb") as file:
            np.savez(file, logits=np.asarray([object()]), digest=np.asarray("x"))
    else:
        part.write_bytes(content)
    again = Asked(teacher, tmp_path / "answers")
    assert again.parts == 1
    assert again.logits.tobytes() == first.logits.tobytes()


def test_other_texts_and_other_teachers_have_other_answers(tmp_path: Path, teacher: Teacher) -> None:
    Asked(teacher, tmp_path / "answers")
    changed = [*TEXTS[:9], "i feel happy"]
    assert Asked(teacher, tmp_path / "answers", changed).parts == 1
    other = as_teacher(write_model(tmp_path / "other"))
    found = Asked(other, tmp_path / "answers", changed)
    assert found.parts == 3
    (folder,) = other.folders
    np.testing.assert_allclose(found.logits, log_softmax(Classifier.load(folder).logits(changed)), rtol=1e-5)


def test_a_model_that_changed_since_the_plan_is_refused(tmp_path: Path, teacher: Teacher) -> None:
    write_model(*teacher.folders)
    with pytest.raises(BadParametersError, match="changed meanwhile") as caught:
        Asked(teacher, tmp_path / "answers")
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("name", ["ensemble:ann/a,lstm/b", "cascade:ann/a,lstm/b", "cascade:ann/a,lstm/b@0.6"])
def test_several_models_answer_as_they_classify(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "store")
    folders = tuple(write_member(store, run, seed, noise=1.8).exported for seed, run in enumerate(("ann/a", "lstm/b")))
    composite = parse_composite(name)
    digests = [read_files(find_graph(folder, "float32")).digest for folder in folders]
    teacher = Teacher(TeacherTable(run=name), folders, composite_digest(composite, digests), composite=composite)
    found = Asked(teacher, tmp_path / "answers")
    predictor = load_predictor(choose_model(name, store), 1, "float32", "cpu", shard=False)
    assert predictor.temperature != 1
    np.testing.assert_allclose(np.exp(found.logits), predictor.scores(TEXTS).probabilities, rtol=1e-5)


def test_another_worker_reads_the_chiefs_answers_or_gives_up(tmp_path: Path, teacher: Teacher) -> None:
    with pytest.raises(Terminated):
        Asked(teacher, tmp_path / "answers", stop=2)
    with pytest.raises(TryAgainError, match=r"no 00002\.npz") as caught:
        wait_for_answers(teacher, TEXTS, LABELS, tmp_path / "answers", 0.1)
    assert caught.value.exit_code == 75
    whole = Asked(teacher, tmp_path / "answers")
    found = wait_for_answers(teacher, TEXTS, LABELS, tmp_path / "answers", 0.0)
    assert found.tobytes() == whole.logits.tobytes()
