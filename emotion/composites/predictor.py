"""What classifies: one model, a cascade or an ensemble. Texts become scores, and it says which model decided."""

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

    `probabilities` are float64 (texts, labels), NaN for a text without a score. `cut`, bool (texts,), says that the
    model that decides does not read a text to its end; in an ensemble, any member. `decided_by`, int (texts,), is the
    index of that model among `Predictor.deciders`. `seen` is the number of texts that each member was given.
    """

    probabilities: Probabilities
    cut: NDArray[np.bool_]
    decided_by: NDArray[np.intp]
    seen: tuple[int, ...]


class Member:
    """A model by its name. It takes `classifier.calls` calls at once; more wait."""

    def __init__(self, name: str, classifier: Classifier) -> None:
        self.name = name
        self.classifier = classifier
        self._free = threading.BoundedSemaphore(classifier.calls)

    def scores(self, texts: Sequence[str], stopped: threading.Event | None) -> tuple[Probabilities, NDArray[np.bool_]]:
        """Calibrated probabilities, float64 (texts, labels), and whether texts are cut, bool (texts,)."""
        with self._free:
            logits, cut = self.classifier.logits_and_cut(texts, stopped)
        return probabilities(logits, self.classifier.temperature), cut


@dataclass(frozen=True, eq=False)
class Predictor:
    """One model, or the `members` of a composite, which has a threshold if it is a cascade.

    `temperature` is the composite's own, after its members'. `untempered` says why it is 1.
    """

    name: str
    members: tuple[Member, ...]
    composite: Composite | None = None
    temperature: float = 1.0
    untempered: str = ""

    @property
    def labels(self) -> list[str]:
        """Names of the labels, which all members have in common."""
        return self.members[0].classifier.labels

    @property
    def deciders(self) -> list[str]:
        """Names of what may decide on a row: the members of a cascade, or else the predictor itself."""
        return [member.name for member in self.members] if self.threshold is not None else [self.name]

    @property
    def device(self) -> Device:
        """The GPU if any member runs there."""
        return "gpu" if any(member.classifier.device == "gpu" for member in self.members) else "cpu"

    @property
    def calls(self) -> int:
        """Calls of `scores` at once that use all cores."""
        return max(member.classifier.calls for member in self.members)

    @property
    def verified(self) -> bool:
        """Whether all files are as they were exported."""
        return all(member.classifier.verified for member in self.members)

    @property
    def digest(self) -> str:
        """SHA-256 of all that the scores depend on, as 64 hex digits: of one model, its `model_digest`."""
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
        """Score below which a cascade passes a text on to its dear model; None if this is no cascade."""
        return self.composite.threshold if self.composite is not None else None

    def _cascade(self, texts: Sequence[str], threshold: float, stopped: threading.Event | None) -> Scores:
        """Scores of a cascade, whose dear model gets only the texts that the cheap one passes on."""
        cheap, dear = self.members
        mixed, cut = cheap.scores(texts, stopped)
        passed_on = passes_on(mixed, threshold)
        rows = np.flatnonzero(passed_on)
        if len(rows):
            mixed[rows], cut[rows] = dear.scores([texts[row] for row in rows.tolist()], stopped)
        return Scores(tempered(mixed, self.temperature), cut, passed_on.astype(np.intp), (len(texts), len(rows)))
