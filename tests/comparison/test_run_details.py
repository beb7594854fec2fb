"""Runs and their parts, and the seeds of a recipe together."""

import json
import shutil

import pytest

from emotion.comparison.analysis import analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.run_details import Recipe, RunDetails
from emotion.store.layout import Run, Store, read_json
from tests.comparison.scenes import write_full_run


def subjects(store: Store) -> list[RunDetails]:
    (comparison,) = compare(collect(store).complete, every=True)
    return list(analyse(store, comparison).subjects)


def recipes(store: Store) -> list[Recipe]:
    (comparison,) = compare(collect(store).complete, every=True)
    return analyse(store, comparison).recipes


def test_everything_of_a_run_is_read(store: Store) -> None:
    run = write_full_run(store, "ann")
    (subject,) = subjects(store)
    assert subject.missing == []
    assert subject.test is not None
    assert len(subject.test.label) == 2000
    assert subject.history is not None
    assert len(subject.history.loss) == 8
    assert subject.params == read_json(run.params)
    assert len(subject.mistakes) == 20


PARTS = ("predictions/test.npz", "predictions/mistakes.json", "history.csv", "params.json")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_absent_is_told_and_the_others_are_read(store: Store, part: str) -> None:
    run = write_full_run(store, "ann")
    (run.folder / part).unlink()
    (subject,) = subjects(store)
    (reason,) = subject.missing
    assert part in reason
    assert sum(map(bool, (subject.test, subject.history, subject.params, subject.mistakes))) == 3


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"[1, 2]", b"{}"])
def test_a_damaged_part_stops_nothing(store: Store, part: str, content: bytes) -> None:
    run = write_full_run(store, "ann")
    (run.folder / part).write_bytes(content)
    (subject,) = subjects(store)
    assert subject.metrics.model == "ann"


@pytest.mark.parametrize(
    "mistakes",
    [None, {}, 7, ["a"], [{"row": "1"}], [{"row": 1, "text": 5, "label": "a", "predicted": "b", "confidence": 0.9}]],
)
def test_mistakes_that_are_none_are_left_out(store: Store, mistakes: object) -> None:
    run = write_full_run(store, "ann")
    run.mistakes.write_text(json.dumps({"validation": mistakes}))
    assert subjects(store)[0].mistakes == []


def test_the_mistakes_on_test_are_not_shown_to_those_who_choose(store: Store) -> None:
    run = write_full_run(store, "ann")
    one = {"row": 1, "text": "t", "label": "a", "predicted": "b", "confidence": 0.9}
    run.mistakes.write_text(json.dumps({"validation": [], "test": [one]}))
    assert subjects(store)[0].mistakes == []


class TestRecipes:
    def test_seeds_of_the_same_parameters_are_one(self, store: Store) -> None:
        for seed in (1, 2, 3):
            write_full_run(store, "ann", seed=seed)
        write_full_run(store, "lstm")
        best, other = recipes(store)
        assert (best.name, len(best.subjects)) == ("lstm", 1)
        assert (other.name, len(other.subjects)) == ("ann", 3)
        values = [subject.metrics.test.accuracy for subject in other.subjects]
        assert other.mean(lambda metrics: metrics.test.accuracy) == pytest.approx(sum(values) / 3)
        assert other.best.metrics.validation.accuracy == max(
            subject.metrics.validation.accuracy for subject in other.subjects
        )

    def test_other_parameters_are_another_recipe_and_named_by_a_run(self, store: Store) -> None:
        runs = [write_full_run(store, "ann", variant=variant) for variant in ("", "wide")]
        assert {recipe.name for recipe in recipes(store)} == {str(run) for run in runs}

    def test_where_the_run_was_made_is_no_part_of_a_recipe(self, store: Store) -> None:
        runs = [write_full_run(store, "ann", seed=seed) for seed in (1, 2)]
        params = read_json(runs[0].params)
        params["params"]["resources"] = {"threads": 7}
        runs[0].params.write_text(json.dumps(params))
        assert len(recipes(store)) == 1

    def test_runs_without_parameters_stand_alone(self, store: Store) -> None:
        runs: list[Run] = [write_full_run(store, "ann", seed=seed) for seed in (1, 2)]
        for run in runs:
            run.params.unlink()
        assert len(recipes(store)) == 2

    def test_a_run_that_goes_meanwhile_has_its_metrics_left(self, store: Store) -> None:
        run = write_full_run(store, "ann")
        (comparison,) = compare(collect(store).complete, every=True)
        shutil.rmtree(run.folder)
        (subject,) = analyse(store, comparison).subjects
        assert len(subject.missing) == 4
