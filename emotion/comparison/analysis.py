"""All that a comparison finds: the runs with their parts, the paired tests, the sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from emotion.comparison.compare import Comparison
from emotion.comparison.observations import observe
from emotion.comparison.run_details import Recipe, Subject, group_by_recipe, read_subjects
from emotion.comparison.significance import Paired, against_best
from emotion.store.layout import Store


@dataclass(frozen=True)
class Findings:
    """What is told of a comparison; `tests` by run, for runs whose predictions are there."""

    comparison: Comparison
    subjects: Sequence[Subject]
    tests: dict[str, Paired]
    observations: list[str]

    @cached_property
    def best(self) -> Subject:
        """The winner."""
        return _winner(self.comparison, self.subjects)

    @cached_property
    def recipes(self) -> list[Recipe]:
        """The runs by recipe, the best on validation first."""
        return group_by_recipe(self.subjects)


def _winner(comparison: Comparison, subjects: Sequence[Subject]) -> Subject:
    return next(each for each in subjects if each.metrics is comparison.best)


def find(store: Store, comparison: Comparison) -> Findings:
    """Read the runs' parts and compare them."""
    subjects = read_subjects(store, comparison.runs)
    best = _winner(comparison, subjects)
    tests = against_best(best, [each for each in subjects if each is not best])
    return Findings(comparison, subjects, tests, observe(comparison, tests))
