"""Scores a candidate on test: accuracy with its interval, and McNemar's tests against its rivals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emotion.comparison.members import Member, Members
from emotion.comparison.run_details import RunDetails
from emotion.comparison.search import Candidate
from emotion.comparison.significance import PairedTest, test_rows, test_runs
from emotion.comparison.winner import choose_winner
from emotion.composites.scores import Probabilities, cascade, composite_temperature, ensemble, passes_on
from emotion.evaluation.metrics import wilson_interval


@dataclass(frozen=True)
class Scored:
    """A candidate with its temperature, and its scores on test with their 95 % interval.

    `share` is the share of test rows that a cascade passes on. `tests` compare a cascade with its dear model, an
    ensemble with its best member on validation, and any candidate with the best single model; p is not corrected.
    """

    candidate: Candidate
    temperature: float
    accuracy: float
    interval: tuple[float, float]
    share: float | None
    tests: Sequence[PairedTest]

    @property
    def name(self) -> str:
        """The name for `emotion classify --model`."""
        return self.candidate.name

    def against(self, run: str) -> PairedTest | None:
        """Return the test against a run, if any."""
        return next((test for test in self.tests if test.run == run), None)


def score(candidate: Candidate, runs: Mapping[str, RunDetails], members: Members, winner: RunDetails) -> Scored:
    """Score a candidate on test. `runs` are all runs by name, `winner` is the best single model."""
    if candidate.kind == "model":
        run = runs[candidate.name]
        test = None if run is winner else test_runs(run, winner)
        scores = run.metrics.test
        tests = [] if test is None else [test]
        return Scored(candidate, run.metrics.temperature, scores.accuracy, scores.accuracy_ci95, None, tests)
    mine = [members.by_name[name] for name in candidate.members]
    right = _mixed(candidate, [member.test for member in mine]).argmax(axis=1) == members.test
    return Scored(
        candidate,
        composite_temperature(_mixed(candidate, [member.validation for member in mine]), members.validation),
        float(right.mean()),
        wilson_interval(int(right.sum()), len(right)),
        None if candidate.threshold is None else float(passes_on(mine[0].test, candidate.threshold).mean()),
        # Both may be the same run. A winner without readable predictions is not a member.
        [
            test_rows(name, right, members.by_name[name].test.argmax(axis=1) == members.test)
            for name in dict.fromkeys([_rival(candidate, mine).name, winner.name])
            if name in members.by_name
        ],
    )


def _mixed(candidate: Candidate, members: Sequence[Probabilities]) -> Probabilities:
    if candidate.threshold is None:
        return ensemble(members)
    cheap, dear = members
    return cascade(cheap, dear, candidate.threshold)


def _rival(candidate: Candidate, members: Sequence[Member]) -> Member:
    """Return a cascade's dear model, or an ensemble's best member on validation."""
    if candidate.kind == "cascade":
        return members[-1]
    best = choose_winner(member.run.metrics for member in members)
    return next(member for member in members if member.run.metrics is best)
