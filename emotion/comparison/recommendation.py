"""Recommends the run to deploy, with a few sentences about the certainty."""

from dataclasses import dataclass

from emotion.comparison.analysis import Analysis
from emotion.comparison.significance_text import ahead_sentence, behind_sentence, tied_sentence
from emotion.evaluation.metrics_file import Metrics

# With fewer rows, the interval at 90 % accuracy is wider than five points.
FEW_ROWS = 500


@dataclass(frozen=True)
class Recommendation:
    """The run to deploy, with sentences about the certainty."""

    model: str
    run: str
    sure: list[str]


def recommend(analysis: Analysis) -> Recommendation:
    """Recommend the winner of the comparison."""
    metrics = analysis.winner.metrics
    low, high = metrics.test.accuracy_ci95
    sentences = [
        f"It was chosen for the highest accuracy on validation, {metrics.validation.accuracy:.2%} of"
        f" {metrics.validation.rows:,} rows.",
        f"On {metrics.test.rows:,} test rows, on which nothing was chosen, it gets {metrics.test.accuracy:.2%} right;"
        f" the 95 % confidence interval for similar texts is {low:.1%} to {high:.1%}.",
        *_rivals(analysis),
        *_seeds(analysis),
        *_caveats(metrics),
    ]
    return Recommendation(metrics.model, analysis.winner.name, sentences)


def _rivals(analysis: Analysis) -> list[str]:
    """Compare the winner with the best run of every other recipe."""
    rivals = [(recipe.name, recipe.best.name) for recipe in analysis.recipes if analysis.winner not in recipe.runs]
    tested = [(name, analysis.tests[run]) for name, run in rivals if run in analysis.tests]
    worse = [name for name, test in tested if test.differs and test.only_best > test.only_other]
    better = [name for name, test in tested if test.differs and test.only_best < test.only_other]
    tied = [name for name, test in tested if not test.differs]
    sentences = []
    if worse:
        sentences.append(ahead_sentence(worse))
    if better:
        sentences.append(behind_sentence(better))
    if tied:
        sentences.append(tied_sentence(tied))
    return sentences


def _seeds(analysis: Analysis) -> list[str]:
    recipe = next(recipe for recipe in analysis.recipes if analysis.winner in recipe.runs)
    if len(recipe.runs) < 2:  # noqa: PLR2004
        return ["Only one seed was trained: the effect of another seed is unknown."]
    scores = sorted(run.metrics.test.accuracy for run in recipe.runs)
    return [f"Its {len(scores)} seeds get from {scores[0]:.2%} to {scores[-1]:.2%} right on test."]


def _caveats(metrics: Metrics) -> list[str]:
    caveats = []
    if metrics.data.sample:
        caveats.append("These are figures on the built-in sample corpus: they say nothing about real data.")
    if metrics.test.rows < FEW_ROWS:
        caveats.append(f"{metrics.test.rows:,} test rows are few: more rows would narrow the interval.")
    if (shared := metrics.test.in_train) and shared.texts:
        caveats.append(
            f"It was trained on {shared.texts:,} of the {metrics.test.rows:,} test texts ({shared.share:.2%})."
        )
    return caveats
