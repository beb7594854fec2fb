"""Finds the most confident mistakes of a model: often the label in the data is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.formatting import shorten
from emotion.onnx.session import probabilities

MOST_MISTAKES = 20
LONGEST_TEXT = 300


@dataclass(frozen=True)
class Mistake:
    """A row of a split, counted from 1, with a wrong prediction; `confidence` is a probability."""

    row: int
    text: str
    label: str
    predicted: str
    confidence: float


def most_confident(
    logits: NDArray[np.float32],
    labels: NDArray[np.int32],
    texts: Sequence[str],
    names: Sequence[str],
    temperature: float,
) -> list[Mistake]:
    """Return at most twenty mistakes, sorted by confidence, then by row."""
    scores = probabilities(logits, temperature)
    predicted = scores.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    confidence = scores.max(axis=1)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]
    return [
        Mistake(
            int(row) + 1,
            shorten(texts[row], LONGEST_TEXT),
            names[labels[row]],
            names[predicted[row]],
            float(confidence[row]),
        )
        for row in surest
    ]


def as_text(mistakes: Sequence[Mistake]) -> str:
    """Format mistakes as lines for report.txt."""
    if not mistakes:
        return "No mistakes.\n"
    head = f"The {len(mistakes)} most confident mistakes (often the label is wrong):\n"
    pairs = [f"{shorten(mistake.label)} -> {shorten(mistake.predicted)}" for mistake in mistakes]
    width = max(map(len, pairs))
    return head + "".join(
        f"  {mistake.confidence:.4f}  {pair:<{width}}  row {mistake.row}: {mistake.text}\n"
        for mistake, pair in zip(mistakes, pairs, strict=True)
    )
