"""Fits a composite on validation: a cascade's threshold, unless its name has one, and the temperature."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from emotion.composites.predictor import Member, Predictor
from emotion.composites.scores import Probabilities, cascade, composite_temperature, ensemble, find_thresholds
from emotion.composites.spec import Composite
from emotion.errors import BadDataError, InputMissingError
from emotion.evaluation.predictions import Predictions, read_predictions
from emotion.onnx.session import probabilities
from emotion.store.layout import Run

SAME_DATA = "all models of a composite need the same data set: name other runs"


def make_predictor(name: str, composite: Composite | None, members: tuple[Member, ...]) -> Predictor:
    """Make a predictor from open models: from one model, or from a composite with `fit_composite`.

    Raises:
        As `fit_composite`.
    """
    return fit_composite(composite, members) if composite else Predictor(name, members)


def fit_composite(composite: Composite, members: Sequence[Member]) -> Predictor:
    """Join models to a composite with the best threshold and temperature on validation.

    The predictions come from the runs' float32 graphs, regardless of the precision of `members`. For a model folder
    outside of a run, the temperature is 1.

    Raises:
        InputMissingError: a cascade has no threshold, and a model has no predictions for validation.
        BadDataError: the models have different labels or validation rows, or predictions are damaged.
    """
    _check_labels(members)
    read = [_read_validation(member) for member in members]
    found = [predictions for predictions in read if predictions is not None]
    if len(found) < len(read):
        folder = members[read.index(None)].classifier.graph.parent
        reason = f"{folder} is not in a run with predictions for validation"
        if composite.kind == "cascade" and composite.threshold is None:
            raise InputMissingError(
                f"{composite} has no threshold: {reason}",
                f"add a threshold, such as {composite}@0.9, or name complete runs",
            )
        return Predictor(str(composite), tuple(members), composite, untempered=reason)
    _check_rows(members, found)
    scores = [
        probabilities(predictions.logits, member.classifier.temperature)
        for member, predictions in zip(members, found, strict=True)
    ]
    if composite.kind == "ensemble":
        mixed = ensemble(scores)
    else:
        composite, mixed = _with_threshold(composite, scores, found[0])
    return Predictor(str(composite), tuple(members), composite, composite_temperature(mixed, found[0].label))


def _with_threshold(
    composite: Composite, scores: Sequence[Probabilities], validation: Predictions
) -> tuple[Composite, Probabilities]:
    """Give the cascade with a threshold, and its probabilities on validation."""
    cheap, dear = scores
    threshold = composite.threshold
    if threshold is None:
        found = find_thresholds(cheap, dear, validation.label)
        threshold = found.accurate if found.near is None else found.near
    return replace(composite, threshold=threshold), cascade(cheap, dear, threshold)


def _read_validation(member: Member) -> Predictions | None:
    """Read the predictions for validation next to a model folder; None if there are none."""
    folder = member.classifier.graph.parent.resolve()
    run = Run(folder.parent.parent.name, folder.parent.name, folder.parent)
    if folder != run.exported:
        return None
    try:
        return read_predictions(run.predictions / "validation.npz", len(member.classifier.labels))
    except InputMissingError:
        return None


def _check_labels(members: Sequence[Member]) -> None:
    for first, second in pairwise(members):
        labels, others = first.classifier.labels, second.classifier.labels
        if labels != others:
            raise BadDataError(
                f"{first.name} and {second.name} have different labels: {', '.join(labels)} and {', '.join(others)}",
                SAME_DATA,
            )


def _check_rows(members: Sequence[Member], found: Sequence[Predictions]) -> None:
    for (first, one), (second, other) in pairwise(zip(members, found, strict=True)):
        if not (np.array_equal(one.row, other.row) and np.array_equal(one.label, other.label)):
            raise BadDataError(
                f"{first.name} and {second.name} were evaluated on different validation rows: {len(one.row):,} and"
                f" {len(other.row):,} rows, or other texts or labels",
                SAME_DATA,
            )
