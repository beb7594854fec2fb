"""All that a comparison finds: the runs with their parts, the paired tests, the sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from emotion.comparison.compare import Comparison
from emotion.comparison.observations import key_observations
from emotion.comparison.run_details import Recipe, RunDetails, group_by_recipe, read_details
from emotion.comparison.significance import PairedTest, test_against_best
from emotion.store.layout import Store


@dataclass(frozen=True)
class Analysis:
    """What is told of a comparison; `tests` by run, for runs whose predictions are there."""

    comparison: Comparison
    subjects: Sequence[RunDetails]
    tests: dict[str, PairedTest]
    observations: list[str]

    @cached_property
    def best(self) -> RunDetails:
        """The winner."""
        return _winner(self.comparison, self.subjects)

    @cached_property
    def recipes(self) -> list[Recipe]:
        """The runs by recipe, the best on validation first."""
        return group_by_recipe(self.subjects)


def _winner(comparison: Comparison, subjects: Sequence[RunDetails]) -> RunDetails:
    return next(each for each in subjects if each.metrics is comparison.best)


def analyse(store: Store, comparison: Comparison) -> Analysis:
    """Read the runs' parts and compare them."""
    subjects = read_details(store, comparison.runs)
    best = _winner(comparison, subjects)
    tests = test_against_best(best, [each for each in subjects if each is not best])
    return Analysis(comparison, subjects, tests, key_observations(comparison, tests))
