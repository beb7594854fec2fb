"""The mistakes of which a model is surest: often it is the label that is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.formatting import shorten
from emotion.onnx.session import probabilities

MOST = 20
TEXT = 300


@dataclass(frozen=True)
class Mistake:
    """A row of a split, counted from 1, whose label is not the predicted one; `confidence` is a probability."""

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
    """Give the twenty mistakes with the highest probability, at most; equal ones in the order of the rows."""
    scores = probabilities(logits, temperature)
    predicted = scores.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    confidence = scores.max(axis=1)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST]
    return [
        Mistake(
            int(row) + 1,
            shorten(texts[row], TEXT),
            names[labels[row]],
            names[predicted[row]],
            float(confidence[row]),
        )
        for row in surest
    ]


def as_text(mistakes: Sequence[Mistake]) -> str:
    """Write them as lines for report.txt."""
    if not mistakes:
        return "No mistakes.\n"
    head = f"The {len(mistakes)} most confident mistakes (often the label is wrong):\n"
    wide = max(len(f"{shorten(each.label)} -> {shorten(each.predicted)}") for each in mistakes)
    return head + "".join(
        f"  {each.confidence:.4f}  {shorten(each.label) + ' -> ' + shorten(each.predicted):<{wide}}"
        f"  row {each.row}: {each.text}\n"
        for each in mistakes
    )
