"""Aggregation: waits for the models that are expected, and writes comparison/ in three formats."""

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest

from emotion.comparison import aggregate
from emotion.comparison.aggregate import WrittenComparison, wait_for, write_comparisons
from emotion.comparison.compare import collect
from emotion.comparison.table import SAMPLE_NOTE
from emotion.errors import CannotWriteError, InputMissingError
from emotion.store.layout import Store, read_json
from tests.builders import digest, make_metrics, write_run
from tests.comparison.scenes import stand_in


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "POLL_SECONDS", 0.01)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write(store: Store, *, every: bool = False) -> list[WrittenComparison]:
    return write_comparisons(store, collect(store), stand_in, every=every)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestWaiting:
    def test_what_is_complete_is_not_waited_for(self, store: Store) -> None:
        write_run(store, make_metrics("ann"))
        waited: list[list[str]] = []
        found = wait_for(store, ["ann"], 60, waited.append)
        assert [run.model for run in found.complete] == ["ann"]
        assert waited == []

    def test_models_that_do_not_come_are_missing(self, store: Store) -> None:
        write_run(store, make_metrics("ann"))
        waited: list[list[str]] = []
        with pytest.raises(InputMissingError) as caught:
            wait_for(store, ["ann", "lstm", "bert"], 0.05, waited.append)
        assert caught.value.exit_code == 66
        assert "lstm, bert" in caught.value.message
        assert "ann" not in caught.value.message.replace(str(store.folder), "")
        assert len(waited) > 1
        assert waited[0] == ["lstm", "bert"]

    def test_models_that_come_are_waited_for(self, store: Store) -> None:
        waited: list[list[str]] = []

        def tell(missing: list[str]) -> None:
            waited.append(missing)
            write_run(store, make_metrics(missing[0]))

        found = wait_for(store, ["ann", "lstm"], 60, tell)
        assert [run.model for run in found.complete] == ["ann", "lstm"]
        assert waited == [["ann", "lstm"], ["lstm"]]

    def test_a_run_that_is_not_complete_is_not_enough(self, store: Store) -> None:
        store.run("ann", "s1").folder.mkdir(parents=True)
        with pytest.raises(InputMissingError):
            wait_for(store, ["ann"], 0, lambda _: None)

    def test_no_time_to_wait_is_one_look(self, store: Store) -> None:
        waited: list[list[str]] = []
        with pytest.raises(InputMissingError):
            wait_for(store, ["ann"], 0, waited.append)
        assert waited == []

    def test_the_last_pause_is_not_longer_than_what_is_left(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(aggregate, "POLL_SECONDS", 600)
        started = time.monotonic()
        with pytest.raises(InputMissingError):
            wait_for(store, ["ann"], 0.05, lambda _: None)
        assert time.monotonic() - started < 30

    def test_expecting_nothing_collects_what_is_there(self, store: Store) -> None:
        assert wait_for(store, [], 0, lambda _: None).complete == []


class TestWriting:
    def test_csv_json_and_markdown_tell_the_same(self, store: Store) -> None:
        write_run(store, make_metrics("ann", validation__accuracy=0.86851))
        write_run(store, make_metrics("lstm", validation__accuracy=0.90804))
        (written,) = write(store)
        folder = store.comparison
        assert written.folder == folder
        content = json.loads((folder / "comparison.json").read_text())
        table = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
        assert [{key: str(value) for key, value in run.items()} for run in content["runs"]] == table
        markdown = (folder / "comparison.md").read_text()
        for run in content["runs"]:
            assert f"| {run['model']} |" in markdown
            assert f"| {run['validation_accuracy']:.4f} |" in markdown
        assert content["observations"] == written.analysis.observations
        for observation in written.analysis.observations:
            assert f"* {observation}\n" in markdown

    def test_the_winner_is_named_for_those_who_use_it(self, store: Store) -> None:
        write_run(store, make_metrics("ann", "s1", validation__accuracy=0.8))
        write_run(store, make_metrics("lstm", "s2", validation__accuracy=0.9, test__accuracy=0.1))
        write(store)
        best = read_json(store.best)
        assert (best["run"], best["model"]) == ("lstm/s2", "lstm")
        assert best["validation_accuracy"] == 0.9
        assert str(store.find(best["run"])) == "lstm/s2"
        assert read_json(store.comparison / "comparison.json")["best"] == best

    def test_a_tie_goes_to_the_faster(self, store: Store) -> None:
        write_run(store, make_metrics("ann", onnx__rows_per_second=1000.0))
        write_run(store, make_metrics("lstm", onnx__rows_per_second=2000.0))
        write(store)
        assert read_json(store.best)["model"] == "lstm"

    def test_every_run_or_the_newest_of_each_model(self, store: Store) -> None:
        write_run(store, make_metrics("ann", "s1", finished_at="2026-01-01T00:00:00+00:00"))
        write_run(store, make_metrics("ann", "s2", finished_at="2026-01-02T00:00:00+00:00"))

        def runs() -> list[Any]:
            return [run["run"] for run in read_json(store.comparison / "comparison.json")["runs"]]

        write(store)
        assert runs() == ["s2"]
        write(store, every=True)
        assert runs() == ["s1", "s2"]

    def test_runs_judged_on_different_rows_have_a_folder_each_and_the_newest_the_first(self, store: Store) -> None:
        old = {"finished_at": "2026-01-01T00:00:00+00:00", "validation__accuracy": 0.99}
        write_run(store, make_metrics("ann", "s1", data__digests__test=digest("old"), data__name="old", **old))
        write_run(store, make_metrics("ann", "s2", finished_at="2026-01-02T00:00:00+00:00"))
        newest, other = write(store)
        assert newest.folder == store.comparison
        assert other.folder.parent == store.comparison
        assert other.folder.name == f"data-{other.comparison.key}"
        assert read_json(store.best)["run"] == "ann/s2"
        assert read_json(other.folder / "best.json")["run"] == "ann/s1"
        assert read_json(other.folder / "comparison.json")["data"] == "old"
        assert files(other.folder) == [
            *("best.json", "comparison.csv", "comparison.html", "comparison.json", "comparison.md"),
            *("composites.json", "figures"),
        ]

    def test_a_table_that_became_the_newest_leaves_no_older_copy(self, store: Store) -> None:
        write_run(store, make_metrics("ann", "s1", finished_at="2026-01-01T00:00:00+00:00"))
        other = {"data__digests__test": digest("other")}
        write_run(store, make_metrics("ann", "s2", finished_at="2026-01-02T00:00:00+00:00", **other))
        write(store)
        write_run(store, make_metrics("ann", "s3", finished_at="2026-01-03T00:00:00+00:00"))
        newest, second = write(store)
        assert newest.comparison.winner.run == "s3"
        folders = [path for path in store.comparison.iterdir() if path.is_dir() and path.name != "figures"]
        assert folders == [second.folder]

    def test_the_report_and_its_figures_stand_beside_the_table(self, store: Store) -> None:
        write_run(store, make_metrics("ann", "s1"))
        write(store)
        assert (store.comparison / "comparison.html").read_text() == "ann/s1\n"
        assert files(store.comparison / "figures") == ["accuracy.svg"]

    def test_figures_that_are_drawn_no_more_go(self, store: Store) -> None:
        write_run(store, make_metrics("ann"))
        old = store.comparison / "figures" / "confusion-7.png"
        old.parent.mkdir(parents=True)
        old.write_bytes(b"old")
        write(store)
        assert files(old.parent) == ["accuracy.svg"]

    def test_a_report_that_fails_leaves_the_comparison_before(self, store: Store) -> None:
        """Nothing is written before everything is there."""
        write_run(store, make_metrics("ann", validation__accuracy=0.8))
        write(store)
        write_run(store, make_metrics("lstm", validation__accuracy=0.9))

        def broken(_: object) -> dict[str, bytes]:
            raise RuntimeError("the drawing failed")

        with pytest.raises(RuntimeError):
            write_comparisons(store, collect(store), broken, every=False)
        assert read_json(store.best)["model"] == "ann"
        assert len(read_json(store.comparison / "comparison.json")["runs"]) == 1

    def test_runs_that_cannot_be_read_are_passed_over(self, store: Store) -> None:
        write_run(store, make_metrics("lstm"))
        write_run(store, make_metrics("ann")).metrics.write_text('{"model": "an')
        (written,) = write(store)
        assert [run.model for run in written.comparison.runs] == ["lstm"]

    @pytest.mark.parametrize("sample", [True, False])
    def test_figures_on_the_sample_say_so_everywhere(self, store: Store, *, sample: bool) -> None:
        write_run(store, make_metrics("ann", data__sample=sample))
        write(store)
        content = read_json(store.comparison / "comparison.json")
        assert content["sample"] is sample
        assert content["runs"][0]["sample"] is sample
        assert read_json(store.best)["sample"] is sample
        assert (SAMPLE_NOTE in (store.comparison / "comparison.md").read_text()) == sample

    def test_a_store_without_a_complete_run(self, store: Store) -> None:
        with pytest.raises(InputMissingError) as caught:
            write(store)
        assert caught.value.exit_code == 66
        assert not store.comparison.exists()

    def test_a_comparison_that_cannot_be_written(self, store: Store) -> None:
        write_run(store, make_metrics("ann"))
        store.comparison.write_text("a file in the way")
        with pytest.raises(CannotWriteError) as caught:
            write(store)
        assert caught.value.exit_code == 73

    def test_writing_again_gives_the_same_bytes(self, store: Store) -> None:
        write_run(store, make_metrics("ann"))
        write_run(store, make_metrics("lstm"))
        write(store)
        before = {path: path.read_bytes() for path in store.comparison.rglob("*") if path.is_file()}
        write(store)
        assert {path: path.read_bytes() for path in store.comparison.rglob("*") if path.is_file()} == before
