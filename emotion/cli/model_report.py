"""Reports which model classified, or which members of a composite and how many rows per member."""

from typing import TYPE_CHECKING, Any

from emotion.classify.statistics import Statistics
from emotion.formatting import count
from emotion.onnx.digests import SUMS

if TYPE_CHECKING:
    # Imported late: usage errors must not wait for onnxruntime.
    from emotion.composites.predictor import Member, Predictor


def model_name(predictor: "Predictor") -> str:
    """Name what classified: the graph of one model, or a composite."""
    return predictor.name if predictor.composite else _graph(predictor.members[0])


def model_sentences(predictor: "Predictor", counts: Statistics) -> list[str]:
    """Describe how a composite decided and what is unusual about its models."""
    return [*(_composite_sentences(predictor, counts) if predictor.composite else ()), *_remarks(predictor)]


def model_json(predictor: "Predictor", counts: Statistics) -> dict[str, Any]:
    """Describe what classified as JSON: one model's files, or a composite's members with their rows."""
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
        f"{member.name} classified {count(counts.seen[index], 'row')} ({_share(counts, index):.1%}): {_graph(member)}"
        for index, member in enumerate(predictor.members)
    ]
    return [*members, f"{threshold}temperature {predictor.temperature:g}{reason}"]


def _share(counts: Statistics, index: int) -> float:
    """Format a member's share of the rows with text. The first member classifies all rows."""
    return counts.seen[index] / max(1, counts.seen[0])


def _remarks(predictor: "Predictor") -> list[str]:
    """List what is unusual about the models."""
    classifiers = [member.classifier for member in predictor.members]
    return [
        *(f"float32: {classifier.fallback}" for classifier in classifiers if classifier.fallback),
        *(
            f"not verified: {classifier.graph.parent} has no file {SUMS} with digests"
            for classifier in classifiers
            if not classifier.verified
        ),
    ]


def _graph(member: "Member") -> str:
    return f"{member.classifier.graph}, {member.classifier.precision}"
