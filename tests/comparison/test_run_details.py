"""Details of runs, and the seeds of a recipe together."""

import json
import shutil

import pytest

from emotion.comparison.analysis import analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.run_details import Recipe, RunDetails
from emotion.comparison.winner import choose_winner
from emotion.store.atomic import write_json
from emotion.store.layout import Run, Store, read_json
from tests.builders import digest, make_metrics, make_teacher
from tests.comparison.scenes import write_full_run


def details(store: Store) -> list[RunDetails]:
    (comparison,) = compare(collect(store).complete, every=True)
    return list(analyse(store, comparison).runs)


def recipes(store: Store) -> list[Recipe]:
    (comparison,) = compare(collect(store).complete, every=True)
    return analyse(store, comparison).recipes


def test_everything_of_a_run_is_read(store: Store) -> None:
    run = write_full_run(store, "ann")
    (run_details,) = details(store)
    assert run_details.missing == []
    assert run_details.validation is not None
    assert run_details.test is not None
    assert len(run_details.test.label) == 2000
    assert run_details.history is not None
    assert len(run_details.history.loss) == 8
    assert run_details.params == read_json(run.params)
    assert len(run_details.mistakes) == 20


PARTS = (
    *("predictions/validation.npz", "predictions/test.npz", "predictions/mistakes.json"),
    *("history.csv", "params.json"),
)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_absent_is_told_and_the_others_are_read(store: Store, part: str) -> None:
    run = write_full_run(store, "ann")
    (run.folder / part).unlink()
    (run_details,) = details(store)
    (reason,) = run_details.missing
    assert part in reason
    found = (run_details.validation, run_details.test, run_details.history, run_details.params, run_details.mistakes)
    assert sum(map(bool, found)) == 4


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"[1, 2]", b"{}"])
def test_a_damaged_part_stops_nothing(store: Store, part: str, content: bytes) -> None:
    run = write_full_run(store, "ann")
    (run.folder / part).write_bytes(content)
    (run_details,) = details(store)
    assert run_details.metrics.model == "ann"


@pytest.mark.parametrize(
    "mistakes",
    [None, {}, 7, ["a"], [{"row": "1"}], [{"row": 1, "text": 5, "label": "a", "predicted": "b", "confidence": 0.9}]],
)
def test_mistakes_that_are_none_are_left_out(store: Store, mistakes: object) -> None:
    run = write_full_run(store, "ann")
    run.mistakes.write_text(json.dumps({"validation": mistakes}))
    assert details(store)[0].mistakes == []


def test_the_mistakes_on_test_are_not_shown_to_those_who_choose(store: Store) -> None:
    run = write_full_run(store, "ann")
    mistake = {"row": 1, "text": "t", "label": "a", "predicted": "b", "confidence": 0.9}
    run.mistakes.write_text(json.dumps({"validation": [], "test": [mistake]}))
    assert details(store)[0].mistakes == []


class TestRecipes:
    def test_seeds_of_the_same_parameters_are_one(self, store: Store) -> None:
        for seed in (1, 2, 3):
            write_full_run(store, "ann", seed=seed)
        write_full_run(store, "lstm")
        best, other = recipes(store)
        assert (best.name, len(best.runs)) == ("lstm", 1)
        assert (other.name, len(other.runs)) == ("ann", 3)
        values = [run.metrics.test.accuracy for run in other.runs]
        assert other.mean(lambda metrics: metrics.test.accuracy) == pytest.approx(sum(values) / 3)
        assert other.best.metrics.validation.accuracy == max(run.metrics.validation.accuracy for run in other.runs)

    def test_other_parameters_are_another_recipe_and_named_by_a_run(self, store: Store) -> None:
        runs = [write_full_run(store, "ann", variant=variant) for variant in ("", "wide")]
        assert {recipe.name for recipe in recipes(store)} == {str(run) for run in runs}

    def test_students_of_one_teacher_are_one_recipe_beside_the_plain_model(self, store: Store) -> None:
        for seed in (1, 2):
            write_full_run(store, "ann", seed=seed)
            student = write_full_run(store, "ann", seed=seed, variant="taught", teacher=make_teacher("bert/s1"))
            write_json(student.params, read_json(student.params) | {"teacher": {"model": digest("first")}})
        assert sorted(recipe.name for recipe in recipes(store)) == ["ann", "ann taught by bert"]
        write_json(student.params, read_json(student.params) | {"teacher": {"model": digest("changed")}})
        assert sorted(len(recipe.runs) for recipe in recipes(store)) == [1, 1, 2]

    def test_of_equally_accurate_seeds_the_best_is_the_winner(self) -> None:
        seeds = [make_metrics("ann", f"s{seed}", onnx__rows_per_second=1000.0 * seed) for seed in (1, 2)]
        recipe = Recipe("ann", [RunDetails(metrics, None, None, None, {}, []) for metrics in seeds])
        assert recipe.best.metrics is choose_winner(seeds) is seeds[1]

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
        (run_details,) = analyse(store, comparison).runs
        assert len(run_details.missing) == 5
