"""The analysis of a comparison: runs with their details, paired tests, observations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emotion.comparison.baseline import baseline_observations
from emotion.comparison.compare import Comparison
from emotion.comparison.composites import Composites, find_composites
from emotion.comparison.observations import key_observations
from emotion.comparison.run_details import Recipe, RunDetails, group_by_recipe, read_details
from emotion.comparison.significance import PairedTest, test_against_winner
from emotion.store.layout import Store


@dataclass(frozen=True)
class Analysis:
    """A comparison with everything for the report; `tests` are by run, for runs with predictions."""

    comparison: Comparison
    runs: Sequence[RunDetails]
    tests: dict[str, PairedTest]
    observations: list[str]
    composites: Composites

    @cached_property
    def winner(self) -> RunDetails:
        """The winner with its details."""
        return _winner(self.comparison, self.runs)

    @cached_property
    def recipes(self) -> list[Recipe]:
        """The runs by recipe, starting with the most accurate recipe on validation."""
        return group_by_recipe(self.runs)


def _winner(comparison: Comparison, runs: Sequence[RunDetails]) -> RunDetails:
    winner = comparison.winner
    return next(run for run in runs if run.metrics is winner)


def analyse(store: Store, comparison: Comparison, advance: Callable[[int], Any] = lambda _: None) -> Analysis:
    """Read the runs' details, test the winner against the other runs, and search composites.

    `advance` receives 1 after every step of the search.
    """
    runs = read_details(store, comparison.runs)
    winner = _winner(comparison, runs)
    tests = test_against_winner(winner, [run for run in runs if run is not winner])
    observations = key_observations(comparison, tests) + baseline_observations(runs)
    return Analysis(comparison, runs, tests, observations, find_composites(runs, winner, advance))
