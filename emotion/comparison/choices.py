"""Describes the choices among single models, cascades and ensembles: their costs and certainty."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emotion.comparison.composites import Composites
from emotion.comparison.scored import Scored
from emotion.comparison.search import Candidate
from emotion.comparison.significance_text import explain_test
from emotion.composites.scores import NEAR
from emotion.formatting import count, first_items

RULE = (
    "All choices use validation; test only scores them. Every pair of runs gives two cascades: the most accurate one,"
    " and the cheapest one within 0.1 points of its slower run. Every two or three runs give an ensemble. Speeds of"
    " cascades and ensembles are computed from the speeds of their runs. p is from McNemar's exact test."
)
POINTS = f"{NEAR * 100:g} points"
# Most names in a sentence.
MOST_NAMES = 6


@dataclass(frozen=True)
class Choice:
    """A candidate that one or more rules choose, with sentences about it."""

    title: str
    scored: Scored
    sentences: list[str]

    @property
    def command(self) -> str:
        """The command that classifies with the candidate."""
        return f"emotion classify IN OUT --model {self.scored.name}"

    @property
    def line(self) -> str:
        """The choice in one line."""
        return f"{self.title}: {self.scored.name}. {' '.join(self.sentences)} Use `{self.command}`."


def word_choices(composites: Composites) -> list[Choice]:
    """Word the best single model, the best for the money and the most accurate; a candidate is here once."""
    rules = (
        ("best single model", composites.best_single, _why_single(composites)),
        ("best for the money", composites.best_value, _why_value(composites)),
        ("most accurate", composites.most_accurate, _why_accurate(composites)),
    )
    chosen = {scored.name: scored for _, scored, _ in rules}
    return [
        Choice(
            _joined([title for title, other, _ in rules if other is scored]).capitalize(),
            scored,
            [
                *[why for _, other, why in rules if other is scored],
                _cost(scored, composites.best_single),
                _on_test(scored, composites),
            ],
        )
        for scored in chosen.values()
    ]


def search_notes(composites: Composites) -> list[str]:
    """Describe how many candidates there were, and which runs took no part."""
    members, counts = composites.members, composites.counts
    if len(members.runs) > 1:
        notes = [
            f"{count(composites.tried, 'candidate')}: {count(counts['model'], 'single model')},"
            f" {count(counts['cascade'], 'cascade')}, {count(counts['ensemble'], 'ensemble')}."
            " The best of so many on validation is partly luck; accuracy on test is the better estimate for new texts."
        ]
    else:
        notes = ["No cascade or ensemble exists: both need two runs with predictions on the same rows."]
    if members.surplus:
        notes.append(
            f"Cascades and ensembles use {len(members.runs)} of {len(members.runs) + members.surplus} runs: first the"
            " best of every model on validation, then the best of every recipe."
        )
    if members.left_out:
        reasons = [f"{run} ({reason})" for run, reason in members.left_out.items()]
        notes.append(f"Not used in cascades and ensembles: {', '.join(first_items(reasons, MOST_NAMES))}.")
    return notes


def short_label(candidate: Candidate) -> str:
    """Label a composite for a chart: `lstm → minilm, 16%` or `2 x lstm + minilm`."""
    models = [name.partition("/")[0] for name in candidate.members]
    if candidate.kind == "cascade":
        return f"{' → '.join(models)}, {show_share(candidate.share)}"
    return " + ".join(f"{times} x {model}" if times > 1 else model for model, times in Counter(models).items())


def show_share(share: float | None) -> str:
    """Format a share of rows."""
    if share is None:
        return ""
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"  # noqa: PLR2004


def _joined(titles: Sequence[str]) -> str:
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def _why_single(composites: Composites) -> str:
    scored, runs = composites.best_single, composites.counts["model"]
    return f"It has the highest validation accuracy of {count(runs, 'single model')}: {_validation(scored)}."


def _why_value(composites: Composites) -> str:
    scored, best = composites.best_value, composites.best_single
    if scored is best:
        return f"No faster one of {composites.tried:,} is within {POINTS} of its validation accuracy."
    return (
        f"It is the fastest of {composites.tried:,} candidates whose validation accuracy is at most {POINTS} below"
        f" {best.name}: {_validation(scored)} against {_validation(best)}."
    )


def _why_accurate(composites: Composites) -> str:
    scored = composites.most_accurate
    if scored is composites.best_single:
        return f"No cascade or ensemble among {count(composites.tried, 'candidate')} is more accurate on validation."
    return (
        f"It has the highest validation accuracy of {composites.tried:,} candidates: {_validation(scored)}."
        " The best of so many is partly luck."
    )


def _validation(scored: Scored) -> str:
    return f"{scored.candidate.validation_accuracy:.2%}"


def _cost(scored: Scored, best: Scored) -> str:
    candidate, speed = scored.candidate, scored.candidate.rows_per_second
    if scored is best:
        return f"It classifies {speed:,.0f} rows a second."
    sentence = (
        f"It classifies about {speed:,.0f} rows a second, {_times(speed / best.candidate.rows_per_second)} {best.name}"
    )
    if candidate.kind == "cascade":
        cheap, dear = candidate.members
        sentence += f": {cheap} classifies all rows, {dear} {show_share(candidate.share)} of them"
    return f"{sentence}."


def _times(ratio: float) -> str:
    """Format a ratio of speeds, to follow a speed."""
    number = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"  # noqa: PLR2004
    return "as many as" if number == "1.0" else f"{number} times as many as"


def _on_test(scored: Scored, composites: Composites) -> str:
    best = composites.best_single
    low, high = scored.interval
    sentence = f"Its test accuracy is {scored.accuracy:.2%} ({low:.1%} to {high:.1%})"
    if scored is best:
        return f"{sentence}."
    points = (scored.accuracy - best.accuracy) * 100
    distance = f"{abs(points):.2f} points {'above' if points > 0 else 'below'}" if points else "equal to"
    sentence += f", {distance} {best.name}"
    test = composites.against_best.get(scored.name)
    if test is None:
        return f"{sentence}; predictions for a paired test are missing."
    worse = test.differs and test.only_best < test.only_other
    return f"{sentence}: {explain_test(test)}." + (" Test contradicts validation: compare both." if worse else "")
