"""Composites as JSON, the content of composites.json."""

from typing import Any

from emotion.comparison.choices import RULE
from emotion.comparison.composites import Composites
from emotion.comparison.scored import Scored


def composites_json(composites: Composites) -> dict[str, Any]:
    """Return candidates, choices, Pareto front and other composites for programs.

    `choices` name the candidates. `corrected` is p corrected for the number of choices.
    """
    members = composites.members
    choices = {
        "best_single": composites.best_single,
        "best_value": composites.best_value,
        "most_accurate": composites.most_accurate,
    }
    return {
        "rule": RULE,
        "candidates": {"total": composites.tried, **composites.counts},
        "runs": [member.name for member in members.runs],
        "left_out": members.left_out,
        "surplus_runs": members.surplus,
        "choices": {rule: _entry(scored) | _sure(scored, composites) for rule, scored in choices.items()},
        "front": [_entry(scored) for scored in composites.front],
        "others": [_entry(scored) for scored in composites.others],
    }


def _entry(scored: Scored) -> dict[str, Any]:
    candidate = scored.candidate
    return {
        "name": candidate.name,
        "kind": candidate.kind,
        "members": list(candidate.members),
        "threshold": candidate.threshold,
        "temperature": scored.temperature,
        "rows_per_second": candidate.rows_per_second,
        "validation_accuracy": candidate.validation_accuracy,
        "test_accuracy": scored.accuracy,
        "test_accuracy_ci95": list(scored.interval),
        "validation_share": candidate.share,
        "test_share": scored.share,
        "mcnemar": [
            {"against": test.run, "only_this": test.only_best, "only_other": test.only_other, "p": test.p}
            for test in scored.tests
        ],
    }


def _sure(scored: Scored, composites: Composites) -> dict[str, Any]:
    test = composites.against_best.get(scored.name)
    return {"corrected": None if test is None else test.corrected}
