"""Which runs are compared, and which share a table."""

from pathlib import Path

import pytest

from emotion.comparison.compare import collect, compare
from emotion.evaluation.metrics_file import Metrics
from emotion.store.atomic import write_json
from emotion.store.layout import Run, Store
from tests.builders import digest, make_metrics, write_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def at(hour: int, model: str = "ann", run: str = "s1", **changes: object) -> Metrics:
    return make_metrics(model, run, finished_at=f"2026-01-01T{hour:02}:00:00+00:00", **changes)


def names(runs: list[Metrics]) -> list[str]:
    return [f"{run.model}/{run.run}" for run in runs]


class TestCollect:
    def test_complete_runs_are_read_and_the_others_named(self, store: Store) -> None:
        write_run(store, make_metrics("lstm", "s1"))
        write_run(store, make_metrics("ann", "s1"))
        write_json(store.run("ann", "s2").progress, {"state": "training"})
        found = collect(store)
        assert names(found.complete) == ["ann/s1", "lstm/s1"]
        assert [str(run) for run in found.incomplete] == ["ann/s2"]
        assert found.unreadable == {}

    @pytest.mark.parametrize("complete", [True, False])
    def test_a_run_that_is_removed_meanwhile_is_none(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, *, complete: bool
    ) -> None:
        write_run(store, make_metrics("ann", "s1"))
        gone = write_run(store, make_metrics("lstm", "s1"))
        gone.folder.rename(gone.folder.with_name(".removed-0123abcd-s1"))
        monkeypatch.setattr(Store, "runs", lambda _store: [store.run("ann", "s1"), gone])
        monkeypatch.setattr(Run, "complete", property(lambda run: complete or run.model == "ann"))
        found = collect(store)
        assert (names(found.complete), found.incomplete, found.unreadable) == (["ann/s1"], [], {})

    @pytest.mark.parametrize("content", ['{"model": "ann", "ru', "", "[1, 2]", "{}", '{"model": "ann"}', "[" * 9999])
    def test_a_bad_metrics_file_is_named_and_stops_nothing(self, store: Store, content: str) -> None:
        write_run(store, make_metrics("lstm", "s1"))
        run = write_run(store, make_metrics("ann", "s1"))
        run.metrics.write_text(content)
        found = collect(store)
        assert names(found.complete) == ["lstm/s1"]
        assert list(found.unreadable) == ["ann/s1"]
        assert str(run.metrics) in found.unreadable["ann/s1"]

    @pytest.mark.parametrize(("model", "run"), [("ann", "s2"), ("lstm", "s1")])
    def test_metrics_of_another_run_are_refused(self, store: Store, model: str, run: str) -> None:
        write_json(store.run(model, run).metrics, make_metrics("ann", "s1").model_dump(mode="json"))
        found = collect(store)
        assert found.complete == []
        assert "ann/s1" in found.unreadable[f"{model}/{run}"]

    def test_an_empty_store(self, store: Store) -> None:
        found = collect(store)
        assert (found.complete, found.incomplete, found.unreadable) == ([], [], {})


class TestCompare:
    def test_the_newest_run_of_each_model_is_kept(self) -> None:
        runs = [at(3, run="s2"), at(1, "lstm"), at(5, run="s1"), at(4, run="s3"), at(2, "lstm", "s2")]
        (comparison,) = compare(runs)
        assert names(comparison.runs) == ["ann/s1", "lstm/s2"]

    def test_every_run_is_kept_where_that_is_asked_for(self) -> None:
        runs = [at(3, run="s2"), at(1, "lstm"), at(5, run="s1")]
        (comparison,) = compare(runs, every=True)
        assert names(comparison.runs) == ["ann/s1", "ann/s2", "lstm/s1"]

    @pytest.mark.parametrize("split", ["test", "validation"])
    def test_runs_judged_on_different_rows_never_share_a_table(self, split: str) -> None:
        other = {f"data__digests__{split}": digest("other")}
        old = [at(1), at(2, "lstm")]
        new = [at(3, **other), at(1, "bert", **other)]
        comparisons = compare([*old, *new])
        assert [names(comparison.runs) for comparison in comparisons] == [
            ["ann/s1", "bert/s1"],
            ["ann/s1", "lstm/s1"],
        ]
        assert len({comparison.key for comparison in comparisons}) == 2

    def test_runs_trained_on_other_rows_do(self) -> None:
        assert len(compare([at(1), at(2, "lstm", data__digests__train=digest("more"))])) == 1

    def test_a_new_run_on_other_rows_does_not_displace_an_old_one(self) -> None:
        first, second = compare([at(1), at(2, data__digests__test=digest("other"))])
        assert (len(first.runs), len(second.runs)) == (1, 1)

    def test_the_order_of_reading_does_not_matter(self) -> None:
        runs = [at(1), at(2, "lstm"), at(3, run="s2"), at(4, "bert", data__digests__test=digest("other"))]
        assert compare(runs) == compare(runs[::-1])

    def test_no_runs(self) -> None:
        assert compare([]) == []

    def test_one_sample_run_makes_it_a_comparison_on_the_sample(self) -> None:
        assert not compare([at(1), at(2, "lstm")])[0].sample
        assert compare([at(1), at(2, "lstm", data__sample=True)])[0].sample
