"""Classifies with one model, a cascade or an ensemble: texts become scores, with the model that decided."""

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotion.composites.scores import Probabilities, ensemble, passes_on, tempered
from emotion.composites.spec import Composite
from emotion.onnx.devices import Device
from emotion.onnx.session import Classifier, probabilities


class Scores(NamedTuple):
    """Scores of texts.

    `probabilities` are float64 (texts, labels), NaN for a text without a score. `cut`, bool (texts,), marks texts that
    the deciding model, or any member of an ensemble, reads only in part. `decided_by`, int (texts,), is the index of
    the deciding model in `Predictor.deciders`. `seen` counts the texts per member.
    """

    probabilities: Probabilities
    cut: NDArray[np.bool_]
    decided_by: NDArray[np.intp]
    seen: tuple[int, ...]


class Member:
    """A named model. It takes `classifier.calls` calls at once; more calls wait."""

    def __init__(self, name: str, classifier: Classifier) -> None:
        self.name = name
        self.classifier = classifier
        self._free = threading.BoundedSemaphore(classifier.calls)

    def scores(self, texts: Sequence[str], stopped: threading.Event | None) -> tuple[Probabilities, NDArray[np.bool_]]:
        """Compute calibrated probabilities, float64 (texts, labels), and whether texts are cut, bool (texts,)."""
        with self._free:
            logits, cut = self.classifier.logits_and_cut(texts, stopped)
        return probabilities(logits, self.classifier.temperature), cut


@dataclass(frozen=True, eq=False)
class Predictor:
    """One model, or the `members` of a composite; a cascade has a threshold.

    `temperature` is the composite's temperature, applied after its members'. `untempered` is the reason for a
    temperature of 1.
    """

    name: str
    members: tuple[Member, ...]
    composite: Composite | None = None
    temperature: float = 1.0
    untempered: str = ""

    @property
    def labels(self) -> list[str]:
        """Names of the labels, common to all members."""
        return self.members[0].classifier.labels

    @property
    def deciders(self) -> list[str]:
        """Names of possible deciders for a row: the members of a cascade, or the predictor itself."""
        return [member.name for member in self.members] if self.threshold is not None else [self.name]

    @property
    def device(self) -> Device:
        """The GPU if any member runs on it, else the CPU."""
        return "gpu" if any(member.classifier.device == "gpu" for member in self.members) else "cpu"

    @property
    def calls(self) -> int:
        """Number of simultaneous calls of `scores` that use all cores."""
        return max(member.classifier.calls for member in self.members)

    @property
    def verified(self) -> bool:
        """Whether all files are unchanged since their export."""
        return all(member.classifier.verified for member in self.members)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that the scores depend on, as 64 hex digits; for one model, its `model_digest`."""
        digests = [member.classifier.model_digest for member in self.members]
        if self.composite is None:
            return digests[0]
        content = [self.composite.kind, self.composite.threshold, self.temperature, *digests]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def scores(self, texts: Sequence[str], stopped: threading.Event | None = None) -> Scores:
        """Score texts. Another thread may set `stopped`: then the remaining texts have no score.

        Raises:
            BadDataError: onnxruntime cannot run a model.
            UnavailableError: the GPU fails.
        """
        if self.threshold is not None:
            return self._cascade(texts, self.threshold, stopped)
        found = [member.scores(texts, stopped) for member in self.members]
        decided_by, seen = np.zeros(len(texts), np.intp), (len(texts),) * len(self.members)
        if self.composite is None:
            return Scores(*found[0], decided_by, seen)
        mixed = ensemble([member for member, _ in found])
        return Scores(tempered(mixed, self.temperature), np.any([cut for _, cut in found], axis=0), decided_by, seen)

    @property
    def threshold(self) -> float | None:
        """Score below which a cascade passes a text on to its dear model; None for other predictors."""
        return self.composite.threshold if self.composite is not None else None

    def _cascade(self, texts: Sequence[str], threshold: float, stopped: threading.Event | None) -> Scores:
        """Score with a cascade: the dear model gets only texts that the cheap model passes on."""
        cheap, dear = self.members
        mixed, cut = cheap.scores(texts, stopped)
        passed_on = passes_on(mixed, threshold)
        rows = np.flatnonzero(passed_on)
        if len(rows):
            mixed[rows], cut[rows] = dear.scores([texts[row] for row in rows.tolist()], stopped)
        return Scores(tempered(mixed, self.temperature), cut, passed_on.astype(np.intp), (len(texts), len(rows)))
