"""Cascades and ensembles of a store's runs: what validation chooses, what test says, what takes no part."""

import json
import shutil
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from emotion.comparison import members
from emotion.comparison.analysis import Analysis, analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.scored import Scored
from emotion.composites.spec import parse_composite
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.evaluation.predictions import Predictions, read_predictions, write_predictions
from emotion.store.layout import Run, Store
from tests.comparison.scenes import MODELS, SIX, texts_of, write_full_run

Shares = NDArray[np.float64]


def analysis(store: Store) -> Analysis:
    (comparison,) = compare(collect(store).complete, every=True)
    return analyse(store, comparison)


def probabilities(run: Run, split: str) -> Shares:
    """Calibrated probabilities by the textbook."""
    powers = np.exp(predictions(run, split).logits.astype(float) / read_metrics(run.metrics).temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def predictions(run: Run, split: str) -> Predictions:
    return read_predictions(run.predictions / f"{split}.npz", len(SIX))


def right(scores: Shares) -> NDArray[np.bool_]:
    """Whether rows are right; validation and test of the scenes have the same labels."""
    return np.asarray(scores.argmax(axis=1) == texts_of(SIX, 2000)[1])


def all_shown(found: Analysis) -> dict[str, Scored]:
    composites = found.composites
    return {scored.name: scored for scored in [*composites.front, *composites.others]}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Analysis]:
    store = Store(tmp_path_factory.mktemp("three"))
    for model in ("ann", "lstm", "minilm"):
        write_full_run(store, model)
    return store, analysis(store)


def test_every_pair_makes_cascades_and_every_two_and_three_an_ensemble(three: tuple[Store, Analysis]) -> None:
    store, found = three
    runs = sorted((str(run) for run in store.runs()), key=str)
    shown = all_shown(found)
    ensembles = {name for name in shown if name.startswith("ensemble:")}
    assert ensembles == {f"ensemble:{','.join(group)}" for size in (2, 3) for group in combinations(runs, size)}
    pairs = {scored.candidate.members for scored in shown.values() if scored.candidate.kind == "cascade"}
    ann, lstm, minilm = runs
    assert pairs == {(ann, lstm), (ann, minilm), (lstm, minilm)}
    assert found.composites.counts["model"] == 3
    assert found.composites.tried == sum(found.composites.counts.values())


def test_a_cascade_is_what_its_runs_make_of_the_rows(three: tuple[Store, Analysis]) -> None:
    store, found = three
    cascades = [scored for scored in all_shown(found).values() if scored.candidate.kind == "cascade"]
    assert len(cascades) >= 3
    for scored in cascades:
        composite = parse_composite(scored.name)
        assert composite is not None
        assert composite.threshold is not None
        cheap, dear = (store.find(name) for name in composite.members)
        speeds = [read_metrics(run.metrics).onnx.rows_per_second for run in (cheap, dear)]
        by_split = {}
        for split in ("validation", "test"):
            first, second = probabilities(cheap, split), probabilities(dear, split)
            passed_on = first.max(axis=1) < composite.threshold
            by_split[split] = right(np.where(passed_on[:, None], second, first)), passed_on.mean()
        validation_share = by_split["validation"][1]
        assert scored.candidate.validation_accuracy == pytest.approx(by_split["validation"][0].mean())
        assert scored.candidate.share == pytest.approx(validation_share)
        assert scored.share == pytest.approx(by_split["test"][1])
        assert scored.candidate.rows_per_second == pytest.approx(1 / (1 / speeds[0] + validation_share / speeds[1]))
        check_test(scored, by_split["test"][0], {str(dear): right(probabilities(dear, "test"))})


def check_test(scored: Scored, mine: NDArray[np.bool_], rivals: dict[str, NDArray[np.bool_]]) -> None:
    """Check accuracy on test, Wilson's interval, and McNemar's test, all of which SciPy has too."""
    assert scored.accuracy == pytest.approx(mine.mean())
    interval = binomtest(int(mine.sum()), len(mine)).proportion_ci(method="wilson")
    assert scored.interval == pytest.approx((interval.low, interval.high), abs=1e-9)
    for name, other in rivals.items():
        test = scored.against(name)
        assert test is not None
        alone = int((mine & ~other).sum()), int((other & ~mine).sum())
        assert (test.only_best, test.only_other) == alone
        assert test.p == pytest.approx(binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1)


def test_an_ensemble_is_the_mean_of_its_runs_and_is_held_against_the_best_of_them(
    three: tuple[Store, Analysis],
) -> None:
    store, found = three
    ensembles = [scored for scored in all_shown(found).values() if scored.candidate.kind == "ensemble"]
    for scored in ensembles:
        runs = [store.find(name) for name in scored.candidate.members]
        metrics = [read_metrics(run.metrics) for run in runs]
        mixed = {
            split: np.mean([probabilities(run, split) for run in runs], axis=0) for split in ("validation", "test")
        }
        assert scored.candidate.validation_accuracy == pytest.approx(right(mixed["validation"]).mean())
        speed = 1 / sum(1 / run.onnx.rows_per_second for run in metrics)
        assert scored.candidate.rows_per_second == pytest.approx(speed)
        best = max(range(len(runs)), key=lambda index: metrics[index].validation.accuracy)
        rivals = {str(run): right(probabilities(run, "test")) for run in (runs[best], store.find(found.winner.name))}
        check_test(scored, right(mixed["test"]), rivals)


def test_the_front_is_what_nothing_shown_beats_on_validation(three: tuple[Store, Analysis]) -> None:
    found = three[1].composites
    figures = [(scored.candidate.rows_per_second, scored.candidate.validation_accuracy) for scored in found.front]
    assert figures == sorted(figures)
    assert [accuracy for _, accuracy in figures] == sorted((accuracy for _, accuracy in figures), reverse=True)
    for scored in found.others:
        candidate = scored.candidate
        assert any(
            speed >= candidate.rows_per_second and accuracy >= candidate.validation_accuracy
            for speed, accuracy in figures
        )


def test_the_choices_follow_their_rules(three: tuple[Store, Analysis]) -> None:
    _, found = three
    composites = found.composites
    candidates = [scored.candidate for scored in (*composites.front, *composites.others, composites.best_single)]
    assert composites.best_single.name == found.winner.name
    least = found.winner.metrics.validation.accuracy - 0.001 - 1e-9
    near = [candidate for candidate in candidates if candidate.validation_accuracy >= least]
    assert composites.best_value.candidate.rows_per_second == max(candidate.rows_per_second for candidate in near)
    most = max(candidate.validation_accuracy for candidate in candidates)
    assert composites.most_accurate.candidate.validation_accuracy == most
    assert composites.most_accurate.candidate.kind != "model"
    assert set(composites.against_best) == {composites.best_value.name, composites.most_accurate.name}


def test_nothing_is_chosen_on_test(three: tuple[Store, Analysis], tmp_path: Path) -> None:
    """With the test rows turned round all choices, thresholds and temperatures stay."""
    store = Store(tmp_path / "store")
    shutil.copytree(three[0].folder, store.folder)
    for run in store.runs():
        found = predictions(run, "test")
        logits = -found.logits
        texts, _ = texts_of(SIX, 2000)
        write_predictions(run.predictions / "test.npz", texts, found.label, logits)
        content = json.loads(run.metrics.read_text())
        content["test"]["accuracy"] = float((logits.argmax(axis=1) == found.label).mean())
        run.metrics.write_text(json.dumps(content))
    before, after = three[1].composites, analysis(store).composites
    assert [scored.candidate for scored in after.front] == [scored.candidate for scored in before.front]
    assert [scored.temperature for scored in after.front] == [scored.temperature for scored in before.front]
    assert [scored.accuracy for scored in after.front] != [scored.accuracy for scored in before.front]
    assert (after.best_value.name, after.most_accurate.name) == (before.best_value.name, before.most_accurate.name)


class TestTakingNoPart:
    @pytest.mark.parametrize("split", ["validation", "test"])
    @pytest.mark.parametrize("content", [None, b"", b"PK damaged"])
    def test_a_run_without_readable_predictions(self, store: Store, split: str, content: bytes | None) -> None:
        runs = {model: write_full_run(store, model) for model in ("ann", "lstm", "minilm")}
        path = runs["minilm"].predictions / f"{split}.npz"
        path.unlink() if content is None else path.write_bytes(content)
        composites = analysis(store).composites
        assert composites.members.left_out == {str(runs["minilm"]): f"it has no readable predictions/{split}.npz"}
        assert not [name for name in all_shown(analysis(store)) if ":" in name and "minilm" in name]
        assert composites.counts["ensemble"] == 1
        assert composites.best_single.name == str(runs["minilm"])

    @pytest.mark.parametrize("split", ["validation", "test"])
    def test_a_run_with_predictions_of_other_rows(self, store: Store, split: str) -> None:
        runs = {model: write_full_run(store, model) for model in ("ann", "lstm", "minilm")}
        found = predictions(runs["ann"], split)
        texts = [f"another text {row}" for row in range(2000)]
        write_predictions(runs["ann"].predictions / f"{split}.npz", texts, found.label, found.logits)
        composites = analysis(store).composites
        assert "other rows or labels" in composites.members.left_out[str(runs["ann"])]
        assert [member.run.metrics.model for member in composites.members.runs] == ["lstm", "minilm"]

    def test_a_run_whose_predictions_are_not_those_of_its_metrics(self, store: Store) -> None:
        ann, lstm = (write_full_run(store, model) for model in ("ann", "lstm"))
        shutil.copy(lstm.predictions / "validation.npz", ann.predictions)
        assert "another accuracy" in analysis(store).composites.members.left_out[str(ann)]

    def test_of_too_many_the_best_of_every_model_and_recipe_take_part(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(members, "MOST_RUNS", 4)
        for seed in (1, 2, 3):
            write_full_run(store, "minilm", seed=seed)
            write_full_run(store, "minilm", seed=seed, variant="wide")
        write_full_run(store, "ann")
        write_full_run(store, "ann", seed=2)
        found = analysis(store)
        took_part = [member.run for member in found.composites.members.runs]
        assert [run.metrics.model for run in took_part].count("ann") == 1
        assert {recipe.best.name for recipe in found.recipes} < {run.name for run in took_part}
        assert len(took_part) == 4
        assert found.composites.members.surplus == 4

    def test_long_validation_leaves_fewer_runs(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ensembles of three grow with the cube of the runs."""
        for seed in range(1, 6):
            write_full_run(store, "ann", seed=seed)
        monkeypatch.setattr(members, "MOST_SUMS", 2000 * len(SIX) * 5)
        composites = analysis(store).composites
        assert (len(composites.members.runs), composites.members.surplus) == (3, 2)


def best_metrics(found: Sequence[Metrics]) -> Metrics:
    return max(found, key=lambda metrics: metrics.validation.accuracy)


def test_runs_of_equal_speed_make_no_cascade_and_a_cheap_winner_needs_none(store: Store) -> None:
    for model in ("ann", "lstm"):
        run = write_full_run(store, model)
        content = json.loads(run.metrics.read_text())
        content["onnx"]["rows_per_second"] = 500.0
        run.metrics.write_text(json.dumps(content))
    found = analysis(store)
    assert found.composites.counts == {"model": 2, "cascade": 0, "ensemble": 1}
    best = best_metrics([run.metrics for run in found.runs])
    assert found.composites.best_value.name == f"{best.model}/{best.run}"


def test_one_run_is_the_only_candidate(store: Store) -> None:
    run = write_full_run(store, "ann")
    composites = analysis(store).composites
    assert composites.tried == 1
    assert composites.best_single is composites.best_value is composites.most_accurate
    assert [scored.name for scored in composites.front] == [str(run)]
    assert composites.against_best == {}


def test_a_cascade_that_passes_on_no_row_or_all_is_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row needs a dear model that is worse, and so unsure that it never helps."""
    monkeypatch.setitem(MODELS, "bert", (0.3, 60, 1_000_000, 60))
    for model in ("minilm", "bert"):
        write_full_run(store, model)
    composites = analysis(store).composites
    for scored in (*composites.front, *composites.others):
        assert scored.candidate.share is None or 0 < scored.candidate.share < 1
    assert composites.counts["cascade"] < 2
