"""Recommends the run to deploy: three sentences that say why, and the details."""

from dataclasses import dataclass

from emotion.comparison.analysis import Analysis
from emotion.comparison.significance_text import ahead_sentence, behind_sentence, list_names, tied_sentence
from emotion.evaluation.metrics_file import Metrics
from emotion.formatting import count

# With fewer rows, the interval at 90 % accuracy is wider than five points.
FEW_ROWS = 500


@dataclass(frozen=True)
class Recommendation:
    """The run to deploy, at most three sentences that say why, and sentences with details."""

    model: str
    run: str
    summary: list[str]
    details: list[str]


def recommend(analysis: Analysis) -> Recommendation:
    """Recommend the winner of the comparison."""
    metrics = analysis.winner.metrics
    low, high = metrics.test.accuracy_ci95
    rivals = _rivals(analysis)
    summary = [
        f"It has the highest validation accuracy: {metrics.validation.accuracy:.2%} of {metrics.validation.rows:,}"
        " rows.",
        f"Its test accuracy is {metrics.test.accuracy:.2%} of {metrics.test.rows:,} rows (95 % interval: {low:.1%} to"
        f" {high:.1%}).",
        *rivals.summary,
    ]
    details = [*rivals.details, *_seeds(analysis), *_caveats(metrics)]
    return Recommendation(metrics.model, analysis.winner.name, summary, details)


@dataclass(frozen=True)
class _Rivals:
    """The best run of every other recipe that was tested against the winner, by name."""

    worse: list[str]
    better: list[str]
    tied: list[str]

    @property
    def summary(self) -> list[str]:
        """Say in one sentence what the tests found; nothing without a test."""
        tested = len(self.worse) + len(self.better) + len(self.tied)
        if self.better:
            return [f"Test contradicts validation: {list_names(self.better)} did significantly better on test."]
        if self.tied:
            return [f"On test, its difference from {len(self.tied)} of {count(tested, 'model')} is not significant."]
        return [f"On test, it is significantly more accurate than {count(tested, 'model')}."] if tested else []

    @property
    def details(self) -> list[str]:
        """Name the runs by the verdict of their test."""
        sentences = ((self.worse, ahead_sentence), (self.better, behind_sentence), (self.tied, tied_sentence))
        return [word(names) for names, word in sentences if names]


def _rivals(analysis: Analysis) -> _Rivals:
    rivals = [(recipe.name, recipe.best.name) for recipe in analysis.recipes if analysis.winner not in recipe.runs]
    tested = [(name, analysis.tests[run]) for name, run in rivals if run in analysis.tests]
    return _Rivals(
        worse=[name for name, test in tested if test.differs and test.only_best > test.only_other],
        better=[name for name, test in tested if test.differs and test.only_best < test.only_other],
        tied=[name for name, test in tested if not test.differs],
    )


def _seeds(analysis: Analysis) -> list[str]:
    recipe = next(recipe for recipe in analysis.recipes if analysis.winner in recipe.runs)
    if len(recipe.runs) < 2:  # noqa: PLR2004
        return ["It was trained with one seed: the variation between seeds is unknown."]
    scores = sorted(run.metrics.test.accuracy for run in recipe.runs)
    return [f"The test accuracies of its {len(scores)} seeds are {scores[0]:.2%} to {scores[-1]:.2%}."]


def _caveats(metrics: Metrics) -> list[str]:
    caveats = []
    if metrics.data.sample:
        caveats.append("The data is the built-in sample corpus: its figures say nothing about real data.")
    if metrics.test.rows < FEW_ROWS:
        caveats.append(f"Test has only {metrics.test.rows:,} rows: more rows narrow the interval.")
    if (shared := metrics.test.in_train) and shared.texts:
        caveats.append(
            f"Of the {metrics.test.rows:,} test texts, {shared.texts:,} are also in train ({shared.share:.2%})."
        )
    return caveats
