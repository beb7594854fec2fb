"""Sentences on the linear baseline: which models beat it on test by more than chance."""

import re

import pytest

from emotion.comparison.analysis import analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.significance import mcnemar
from emotion.evaluation.predictions import read_predictions
from emotion.store.layout import Run, Store
from tests.builders import make_teacher
from tests.comparison.scenes import MODELS, SIX, write_full_run


def about_linear(store: Store) -> list[str]:
    (comparison,) = compare(collect(store).complete, every=True)
    return [
        sentence for sentence in analyse(store, comparison).observations if re.search("(than|from) linear:", sentence)
    ]


def p(run: Run, baseline: Run) -> float:
    mine, other = (read_predictions(one.predictions / "test.npz", len(SIX)).correct for one in (run, baseline))
    return mcnemar(int((mine & ~other).sum()), int((other & ~mine).sum()))


def write_baseline(store: Store, monkeypatch: pytest.MonkeyPatch, share: float) -> Run:
    monkeypatch.setitem(MODELS, "linear", (share, 100_000.0, 1_000_000, 5.0))
    return write_full_run(store, "linear")


def test_models_that_beat_it_and_models_that_do_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = write_baseline(store, monkeypatch, 0.88)
    ann, minilm = (write_full_run(store, model) for model in ("ann", "minilm"))
    beaten, level = about_linear(store)
    assert beaten.startswith("Significantly more accurate on test than linear: minilm by +")
    assert "ann" not in beaten
    assert level.startswith("No significant difference on test from linear: ann by ")
    # Holm: the larger p stays as it is.
    (shown,) = re.findall(r"\(p = ([\d.]+)\)", level)
    assert float(shown) == round(max(p(ann, baseline), p(minilm, baseline)), 4)


def test_a_model_that_is_worse(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write_baseline(store, monkeypatch, 0.95)
    write_full_run(store, "ann")
    (sentence,) = about_linear(store)
    assert re.fullmatch(
        r"Significantly less accurate on test than linear: ann by -\d\.\d points \(p < 0\.0001\)\.", sentence
    )


def test_students_are_tested_apart_from_the_plain_model(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write_baseline(store, monkeypatch, 0.7)
    write_full_run(store, "ann")
    write_full_run(store, "ann", variant="taught", teacher=make_teacher("bert/s1"))
    (sentence,) = about_linear(store)
    assert re.search(r": ann( taught by bert)? by .*, ann( taught by bert)? by ", sentence)
    assert "ann taught by bert by +" in sentence


def test_the_run_of_a_model_that_validation_prefers_is_tested(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = write_baseline(store, monkeypatch, 0.88)
    runs = [write_full_run(store, "ann", seed=seed) for seed in (1, 2, 3)]
    (comparison,) = compare(collect(store).complete, every=True)
    best = max((run for run in comparison.runs if run.model == "ann"), key=lambda run: run.validation.accuracy)
    chosen = next(run for run in runs if run.name == best.run)
    (sentence,) = about_linear(store)
    points = best.test.accuracy - next(run for run in comparison.runs if run.model == "linear").test.accuracy
    assert f"ann by {points * 100:+.1f} points" in sentence
    (shown,) = re.findall(r"\(p = ([\d.]+)\)", sentence)
    assert float(shown) == round(p(chosen, baseline), 4)


def test_without_predictions_there_is_no_verdict(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = write_baseline(store, monkeypatch, 0.88)
    write_full_run(store, "ann")
    (baseline.predictions / "test.npz").unlink()
    (comparison,) = compare(collect(store).complete, every=True)
    observations = analyse(store, comparison).observations
    assert observations[-1] == "Not tested against linear, because predictions on the same test rows are missing: ann."


def test_nothing_is_said_without_a_baseline_or_with_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write_full_run(store, "ann")
    assert about_linear(store) == []
    other = Store(store.folder / "other")
    write_baseline(other, monkeypatch, 0.88)
    assert about_linear(other) == []


def test_p_is_corrected_for_the_number_of_models(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = write_baseline(store, monkeypatch, 0.9)
    monkeypatch.setitem(MODELS, "ann", MODELS["linear"])
    monkeypatch.setitem(MODELS, "lstm", MODELS["linear"])
    found = sorted(p(write_full_run(store, model), baseline) for model in ("ann", "lstm"))
    smaller = min(1.0, 2 * found[0])
    (sentence,) = about_linear(store)
    shown = sorted(float(value) for value in re.findall(r"\(p = ([\d.]+)\)", sentence))
    assert shown == [round(smaller, 4), round(max(smaller, found[1]), 4)]
