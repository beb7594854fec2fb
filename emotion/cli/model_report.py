"""Reports what classified: one model, or the members of a composite and the rows that each saw."""

from typing import TYPE_CHECKING, Any

from emotion.classify.statistics import Statistics
from emotion.formatting import count
from emotion.onnx.digests import SUMS

if TYPE_CHECKING:
    # Not before: mistakes must not wait for onnxruntime.
    from emotion.composites.predictor import Member, Predictor


def model_name(predictor: "Predictor") -> str:
    """What classified, in a few words: the graph of one model, or the name of a composite."""
    return predictor.name if predictor.composite else _graph(predictor.members[0])


def model_sentences(predictor: "Predictor", counts: Statistics) -> list[str]:
    """How a composite decided, and what is unusual about models, as lines for people."""
    return [*(_composite_sentences(predictor, counts) if predictor.composite else ()), *_remarks(predictor)]


def model_json(predictor: "Predictor", counts: Statistics) -> dict[str, Any]:
    """What classified: the files of one model, or the members of a composite and the rows that each saw."""
    about = {
        "name": predictor.name,
        "digest": predictor.digest,
        "labels": predictor.labels,
        "verified": predictor.verified,
    }
    if predictor.composite is None:
        return about | _files_json(predictor.members[0])
    members = [
        {"name": member.name, "rows": counts.seen[index], "share": round(_share(counts, index), 6)}
        | _files_json(member)
        | {"device": member.classifier.device, "verified": member.classifier.verified}
        for index, member in enumerate(predictor.members)
    ]
    return {
        **about,
        "kind": predictor.composite.kind,
        "threshold": predictor.threshold,
        "temperature": predictor.temperature,
        "untempered": predictor.untempered or None,
        "members": members,
    }


def _files_json(member: "Member") -> dict[str, Any]:
    classifier = member.classifier
    return {
        "file": str(classifier.graph),
        "precision": classifier.precision,
        "fallback": classifier.fallback or None,
    }


def _composite_sentences(predictor: "Predictor", counts: Statistics) -> list[str]:
    threshold = "" if predictor.threshold is None else f"threshold {predictor.threshold:g}, "
    reason = f": {predictor.untempered}" if predictor.untempered else ""
    members = [
        f"{member.name} saw {count(counts.seen[index], 'row')} ({_share(counts, index):.1%}): {_graph(member)}"
        for index, member in enumerate(predictor.members)
    ]
    return [*members, f"{threshold}temperature {predictor.temperature:g}{reason}"]


def _share(counts: Statistics, index: int) -> float:
    """Share of the rows with a text that a member saw. The first member sees all."""
    return counts.seen[index] / max(1, counts.seen[0])


def _remarks(predictor: "Predictor") -> list[str]:
    """What is unusual about models."""
    classifiers = [member.classifier for member in predictor.members]
    return [
        *(f"float32: {classifier.fallback}" for classifier in classifiers if classifier.fallback),
        *(
            f"not verified: {classifier.graph.parent} has no digests of its files ({SUMS})"
            for classifier in classifiers
            if not classifier.verified
        ),
    ]


def _graph(member: "Member") -> str:
    return f"{member.classifier.graph}, {member.classifier.precision}"
