"""The answer to which model to deploy, and how sure that is, in a few sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from emotion.comparison.analysis import Analysis
from emotion.comparison.run_details import Recipe, RunDetails
from emotion.evaluation.metrics_file import Metrics

# Fewer rows than this leave an interval of more than five points at 90 %.
FEW_ROWS = 500
FASTER = 2.0


@dataclass(frozen=True)
class Recommendation:
    """Which run to deploy, and sentences that say how sure that is."""

    model: str
    run: str
    sure: list[str]


def recommend(findings: Analysis) -> Recommendation:
    """Put the findings into an answer."""
    best = findings.best
    metrics = best.metrics
    low, high = metrics.test.accuracy_ci95
    sentences = [
        f"It was chosen for the highest accuracy on validation, {metrics.validation.accuracy:.2%} of"
        f" {metrics.validation.rows:,} rows.",
        f"On {metrics.test.rows:,} test rows, which nothing was chosen on, it gets {metrics.test.accuracy:.2%} right;"
        f" with 95 % confidence it is between {low:.1%} and {high:.1%} for texts like these.",
        *_against_others(findings, best),
        *_seeds(findings, best),
        *_caveats(metrics),
    ]
    return Recommendation(metrics.model, best.name, sentences)


def _against_others(findings: Analysis, best: RunDetails) -> list[str]:
    """Say who is behind it by more than chance, and who might as well be taken: of each recipe its best run."""
    rivals = [(each, each.best) for each in findings.recipes if best not in each.subjects]
    tested = [(each.name, rival, findings.tests[rival.name]) for each, rival in rivals if rival.name in findings.tests]
    behind = [name for name, _, test in tested if test.differs and test.only_best > test.only_other]
    ahead = [name for name, _, test in tested if test.differs and test.only_best < test.only_other]
    level = {name: rival for name, rival, test in tested if not test.differs}
    sentences = []
    if behind:
        sentences.append(f"It beats {_listed(behind)} on test by more than chance (McNemar's test, 5 %).")
    if ahead:
        sentences.append(f"But {_listed(ahead)} does better on test by more than chance: look at both before choosing.")
    if level:
        sentences.append(f"Test cannot tell it from {_listed(list(level))}: so small a difference may be chance.")
    return sentences + _faster(best, list(level.values()))


def _faster(best: RunDetails, level: Sequence[RunDetails]) -> list[str]:
    """Name one that is as good as far as test can tell, and much faster."""
    speed = best.metrics.onnx.rows_per_second
    quick = max(level, key=lambda each: each.metrics.onnx.rows_per_second, default=None)
    if quick is None or quick.metrics.onnx.rows_per_second < FASTER * speed:
        return []
    times = quick.metrics.onnx.rows_per_second / max(speed, 1e-9)
    return [f"Where speed counts, {quick.name} classifies {times:,.0f} times as many rows a second."]


def _seeds(findings: Analysis, best: RunDetails) -> list[str]:
    recipe: Recipe = next(each for each in findings.recipes if best in each.subjects)
    if len(recipe.subjects) < 2:  # noqa: PLR2004
        return ["One seed of it was trained: how much another would differ is not known."]
    scores = sorted(subject.metrics.test.accuracy for subject in recipe.subjects)
    return [f"Its {len(scores)} seeds get from {scores[0]:.2%} to {scores[-1]:.2%} right on test."]


def _caveats(metrics: Metrics) -> list[str]:
    found = []
    if metrics.data.sample:
        found.append("These are figures on the built-in sample corpus: they say nothing about real data.")
    if metrics.test.rows < FEW_ROWS:
        found.append(f"{metrics.test.rows:,} test rows are few: more would narrow the interval.")
    return found


def _listed(names: list[str]) -> str:
    if len(names) > 6:  # noqa: PLR2004  a sentence holds no more
        return f"{', '.join(names[:6])} and {len(names) - 6} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
