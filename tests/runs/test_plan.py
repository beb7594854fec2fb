"""Planning a job: the run's name, what makes another job, and mistakes that are found before training."""

import re
from pathlib import Path
from types import MappingProxyType

import pytest

from emotion.data.labeled import read_labeled
from emotion.errors import BadDataError, BadParametersError, InputMissingError, UsageError
from emotion.models.registry import params_file
from emotion.params.schema import DataTable
from emotion.params.toml import load_params
from emotion.runs.plan import TrainingJob, plan_job
from emotion.store.atomic import write_json
from emotion.store.layout import Store
from tests.builders import make_metrics, write_dataset, write_files, write_rows
from tests.runs.jobs import ROWS


def plan(store: Path, data: Path, *changes: str, run: str | None = None, model: str = "ann") -> TrainingJob:
    small = ["training.epochs=2", "model.embedding_dim=4", "model.hidden=[4]"]
    return plan_job(load_params(model, params_file(model), [*small, *changes]), data, Store(store), run)


def write_params(job: TrainingJob) -> None:
    """Write params.json as a run does at its start."""
    write_json(job.run.params, {"digest": job.digest, **job.identity})


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

    @pytest.mark.parametrize("change", ["resources.threads=3", "resources.device=cpu"])
    def test_resources_make_none(self, tmp_path: Path, data: Path, change: str) -> None:
        assert plan(tmp_path, data, change).run == plan(tmp_path, data).run

    @pytest.mark.parametrize("name", ["../x", "a/b", "", "Big", "x" * 41, "-a"])
    def test_a_name_that_is_no_label_is_refused(self, tmp_path: Path, data: Path, name: str) -> None:
        if not name:
            assert plan(tmp_path, data, run=name).run.name.startswith("s1-")
            return
        with pytest.raises(UsageError):
            plan(tmp_path, data, run=name)


class TestSameName:
    def test_with_other_parameters(self, tmp_path: Path, data: Path) -> None:
        write_params(plan(tmp_path, data, run="mine"))
        with pytest.raises(BadParametersError) as caught:
            plan(tmp_path, data, "training.epochs=7", "resources.threads=2", run="mine")
        assert caught.value.exit_code == 78
        assert "params.training.epochs: 2 there, 7 here" in caught.value.message
        assert "threads" not in caught.value.message
        assert "batch_size" not in caught.value.message
        assert "emotion runs rm ann/mine" in caught.value.hint

    def test_with_other_data(self, tmp_path: Path, data: Path) -> None:
        write_params(plan(tmp_path, data, run="mine"))
        write_rows(data / "test.csv", ROWS)
        with pytest.raises(BadParametersError) as caught:
            plan(tmp_path, data, run="mine")
        assert "data.digests.test: " in caught.value.message
        assert "data.digests.train" not in caught.value.message

    def test_of_another_model_is_another_run(self, tmp_path: Path, data: Path) -> None:
        write_params(plan(tmp_path, data, run="mine"))
        assert str(plan(tmp_path, data, run="mine", model="lstm").run) == "lstm/mine"

    def test_with_the_same_of_both_is_the_same_run(self, tmp_path: Path, data: Path) -> None:
        write_params(plan(tmp_path, data, run="mine"))
        assert str(plan(tmp_path, data, "resources.threads=2", run="mine").run) == "ann/mine"

    @pytest.mark.parametrize("content", ["", '{"digest": "ab', "[]"])
    def test_with_damaged_params(self, tmp_path: Path, data: Path, content: str) -> None:
        job = plan(tmp_path, data, run="mine")
        write_params(job)
        job.run.params.write_text(content)
        with pytest.raises(BadDataError, match=r"params\.json"):
            plan(tmp_path, data, run="mine")


class TestWeights:
    """Pretrained weights in a folder: the content of the folder decides, not its name."""

    FILES = MappingProxyType({"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"weights"})

    def plan(self, tmp_path: Path, data: Path, folder: Path, run: str | None = None) -> TrainingJob:
        file = params_file("bert")
        return plan_job(load_params("bert", file, [f"model.checkpoint={folder}"]), data, Store(tmp_path), run)

    def test_other_files_make_another_run(self, tmp_path: Path, data: Path) -> None:
        folder = write_files(tmp_path / "mine", self.FILES)
        before = self.plan(tmp_path, data, folder)
        assert set(before.weights) == set(self.FILES)
        assert self.plan(tmp_path, data, folder).run == before.run
        (folder / "README.md").write_text("which is not read")
        assert self.plan(tmp_path, data, folder).run == before.run
        (folder / "model.safetensors").write_bytes(b"others")
        assert self.plan(tmp_path, data, folder).run.name != before.run.name

    def test_what_differs_is_told(self, tmp_path: Path, data: Path) -> None:
        folder = write_files(tmp_path / "mine", self.FILES)
        write_params(self.plan(tmp_path, data, folder, "mine"))
        (folder / "tokenizer.json").write_bytes(b"[]")
        with pytest.raises(BadParametersError) as caught:
            self.plan(tmp_path, data, folder, "mine")
        assert "weights.tokenizer.json: " in caught.value.message
        assert "weights.model.safetensors" not in caught.value.message

    def test_a_name_on_the_hub_is_not_looked_up_yet(self, tmp_path: Path, data: Path) -> None:
        job = plan_job(load_params("bert", params_file("bert")), data, Store(tmp_path), None)
        assert job.weights == {}
        assert "weights" not in job.identity

    @pytest.mark.parametrize("lacking", ["config.json", "tokenizer.json", "model.safetensors"])
    def test_a_folder_that_lacks_a_file_is_told(self, tmp_path: Path, data: Path, lacking: str) -> None:
        folder = write_files(tmp_path / "mine", {name: b"" for name in self.FILES if name != lacking})
        with pytest.raises(InputMissingError, match=lacking.replace(".", r"\.")) as caught:
            self.plan(tmp_path, data, folder)
        assert caught.value.exit_code == 66


@pytest.mark.parametrize("model", ["ann", "bert"])
def test_weights_of_labels_that_the_data_lack_are_refused(tmp_path: Path, data: Path, model: str) -> None:
    def planned(weights: str) -> TrainingJob:
        params = load_params(model, params_file(model), [f"training.class_weights={weights}"])
        return plan_job(params, data, Store(tmp_path), None)

    assert planned("{joy = 2.0}").params.training.class_weights == {"joy": 2.0}
    with pytest.raises(BadParametersError, match="does not have: fear, rage") as caught:
        planned("{rage = 1.0, joy = 2.0, fear = 3.0}")
    assert caught.value.exit_code == 78
    assert "anger, joy" in caught.value.hint


def test_a_complete_run_gives_its_metrics(tmp_path: Path, data: Path) -> None:
    job = plan(tmp_path, data, run="mine")
    assert job.complete() is None
    metrics = make_metrics("ann", "mine")
    write_json(job.run.metrics, metrics.model_dump(mode="json"))
    assert job.complete() == metrics


def test_size_is_told_for_people(tmp_path: Path, data: Path) -> None:
    assert plan(tmp_path, data).size == "24 train, 8 validation, 6 test rows, 2 labels"
    assert len(read_labeled(data / "train.csv", DataTable())) == 24


def test_a_job_of_before_the_dialect_options_is_the_same_job() -> None:
    params = load_params("ann", params_file("ann"), [])
    assert not {"delimiter", "quoting", "header"} & params.identity["data"].keys()
    named = load_params("ann", params_file("ann"), ['data.delimiter=";"'])
    assert named.identity["data"]["delimiter"] == ";"


def test_a_job_of_before_float16_is_the_same_job() -> None:
    before = load_params("minilm", params_file("minilm"), [])
    off, on = (load_params("minilm", params_file("minilm"), [f"export.float16={value}"]) for value in ("false", "true"))
    assert "float16" not in before.identity["export"]
    assert before.digest() == off.digest()
    assert on.identity["export"]["float16"] is True
    assert on.digest() != before.digest()
