"""A job: its name, what makes it another job, and that metrics.json comes last and only for a good model."""

import json
import re
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import numpy_helper

from emotion.data.labelled import read_labelled
from emotion.errors import BadDataError, BadParametersError, CheckFailedError, UsageError
from emotion.files import write_json
from emotion.job import Job, plan_job, run_job
from emotion.models.registry import params_file
from emotion.params import DataParams, load_params
from emotion.store import Store
from emotion.training.progress import Epoch
from tests.builders import make_metrics, write_dataset, write_rows

ROWS = [(f"i feel {word} again", label) for word, label in (("happy", "joy"), ("mad", "anger")) for _ in range(12)]


class Quiet:
    """A listener that may stop at an epoch."""

    def __init__(self, stop: int = 0) -> None:
        self.stop = stop

    def on_start(self, epochs: int, rows: int) -> None: ...

    def on_rows(self, rows: int) -> None: ...

    def on_epoch(self, epoch: Epoch) -> None:
        if epoch.epoch == self.stop:
            raise KeyboardInterrupt


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", train=ROWS, validation=ROWS[::3], test=ROWS[::4])


def plan(store: Path, data: Path, *changes: str, run: str | None = None, model: str = "ann") -> Job:
    small = ["training.epochs=2", "model.embedding_dim=4", "model.hidden=[4]"]
    return plan_job(load_params(model, params_file(model), [*small, *changes]), data, Store(store), run)


def keep_params(job: Job) -> None:
    """Write params.json as a run that began."""
    content = {"params": job.params.model_dump(), "data": {"digests": job.data.digests}}
    write_json(job.run.params, {"digest": job.digest, **content})


def left_behind(store: Path) -> list[Path]:
    return [path for path in store.rglob(".*") if path.is_file()]


class TestName:
    def test_it_tells_seed_and_digest(self, tmp_path: Path, data: Path) -> None:
        job = plan(tmp_path, data, "training.seed=42")
        assert re.fullmatch(r"s42-[0-9a-f]{8}", job.run.name)
        assert job.run.folder == tmp_path / "runs" / "ann" / job.run.name
        assert plan(tmp_path, data, "training.seed=42").run == job.run

    @pytest.mark.parametrize("change", ["training.seed=2", "training.epochs=3", "text.max_length=9"])
    def test_other_parameters_make_another(self, tmp_path: Path, data: Path, change: str) -> None:
        assert plan(tmp_path, data, change).run.name != plan(tmp_path, data).run.name

    @pytest.mark.parametrize("split", ["train", "validation", "test"])
    def test_other_data_make_another(self, tmp_path: Path, data: Path, split: str) -> None:
        before = plan(tmp_path, data).run.name
        write_rows(data / f"{split}.csv", [*ROWS, ("one more", "joy")])
        assert plan(tmp_path, data).run.name != before

    def test_the_format_of_the_data_makes_none(self, tmp_path: Path, data: Path) -> None:
        rows = {name: ROWS[::step] for name, step in (("train", 1), ("validation", 3), ("test", 4))}
        other = write_dataset(tmp_path / "other", ".parquet", **rows)
        assert plan(tmp_path, other).run.name == plan(tmp_path, data).run.name

    def test_threads_make_none(self, tmp_path: Path, data: Path) -> None:
        assert plan(tmp_path, data, "resources.threads=3").run == plan(tmp_path, data).run

    @pytest.mark.parametrize("name", ["../x", "a/b", "", "Big", "x" * 41, "-a"])
    def test_a_name_that_is_no_label_is_refused(self, tmp_path: Path, data: Path, name: str) -> None:
        if not name:
            assert plan(tmp_path, data, run=name).run.name.startswith("s1-")
            return
        with pytest.raises(UsageError):
            plan(tmp_path, data, run=name)


class TestSameName:
    def test_with_other_parameters(self, tmp_path: Path, data: Path) -> None:
        keep_params(plan(tmp_path, data, run="mine"))
        with pytest.raises(BadParametersError) as caught:
            plan(tmp_path, data, "training.epochs=7", "resources.threads=2", run="mine")
        assert caught.value.exit_code == 78
        assert "params.training.epochs: 2 there, 7 here" in caught.value.message
        assert "threads" not in caught.value.message
        assert "batch_size" not in caught.value.message
        assert "emotion runs rm ann/mine" in caught.value.hint

    def test_with_other_data(self, tmp_path: Path, data: Path) -> None:
        keep_params(plan(tmp_path, data, run="mine"))
        write_rows(data / "test.csv", ROWS)
        with pytest.raises(BadParametersError) as caught:
            plan(tmp_path, data, run="mine")
        assert "data.digests.test: " in caught.value.message
        assert "data.digests.train" not in caught.value.message

    def test_of_another_model_is_another_run(self, tmp_path: Path, data: Path) -> None:
        keep_params(plan(tmp_path, data, run="mine"))
        assert str(plan(tmp_path, data, run="mine", model="lstm").run) == "lstm/mine"

    def test_with_the_same_of_both_is_the_same_run(self, tmp_path: Path, data: Path) -> None:
        keep_params(plan(tmp_path, data, run="mine"))
        assert str(plan(tmp_path, data, "resources.threads=2", run="mine").run) == "ann/mine"

    @pytest.mark.parametrize("content", ["", '{"digest": "ab', "[]"])
    def test_with_damaged_params(self, tmp_path: Path, data: Path, content: str) -> None:
        job = plan(tmp_path, data, run="mine")
        keep_params(job)
        job.run.params.write_text(content)
        with pytest.raises(BadDataError, match=r"params\.json"):
            plan(tmp_path, data, run="mine")


def test_a_complete_run_gives_its_metrics(tmp_path: Path, data: Path) -> None:
    job = plan(tmp_path, data, run="mine")
    assert job.complete() is None
    metrics = make_metrics("ann", "mine")
    write_json(job.run.metrics, metrics.model_dump(mode="json"))
    assert job.complete() == metrics


def test_size_is_told_for_people(tmp_path: Path, data: Path) -> None:
    assert plan(tmp_path, data).size == "24 train, 8 validation, 6 test rows, 2 labels"
    assert len(read_labelled(data / "train.csv", DataParams())) == 24


def test_training_that_is_stopped_leaves_an_incomplete_run_that_can_be_trained_again(
    tmp_path: Path, data: Path
) -> None:
    job = plan(tmp_path, data)
    with pytest.raises(KeyboardInterrupt):
        run_job(job, Quiet(stop=1), pytest.fail)
    assert not job.run.complete
    assert len(job.run.history.read_text().splitlines()) == 2
    progress = json.loads(job.run.progress.read_text())
    assert (progress["state"], progress["epoch"], progress["epochs"]) == ("training", 1, 2)
    metrics = run_job(plan(tmp_path, data), Quiet(), pytest.fail)
    assert job.complete() == metrics
    assert len(job.run.history.read_text().splitlines()) == 3
    assert left_behind(tmp_path) == []


def test_an_export_that_differs_fails_and_leaves_no_metrics(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emotion.onnx import export

    whole = export.to_onnx

    def perturbed(model: Any, params: Any) -> bytes:
        graph = onnx.load_from_string(whole(model, params))
        for weight in graph.graph.initializer:
            values = numpy_helper.to_array(weight)
            if values.dtype == "float32" and values.size > 1:
                weight.CopyFrom(numpy_helper.from_array(values + 0.01, weight.name))
        return bytes(graph.SerializeToString())

    monkeypatch.setattr(export, "to_onnx", perturbed)
    job = plan(tmp_path, data)
    with pytest.raises(CheckFailedError, match="differs from the trained one") as caught:
        run_job(job, Quiet(), pytest.fail)
    assert caught.value.exit_code == 70
    assert not job.run.metrics.exists()
    assert json.loads(job.run.progress.read_text())["state"] != "complete"
    assert left_behind(tmp_path) == []
