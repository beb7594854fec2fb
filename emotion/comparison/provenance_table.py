"""The table of a run's provenance: seed, parameters, data, versions, hardware."""

from typing import Any

from emotion.comparison.run_details import RunDetails
from emotion.formatting import duration, flatten

Rows = list[tuple[str, str]]


def provenance_rows(details: RunDetails) -> dict[str, Any]:
    """Return the run's `name`, and its `parts`: rows of known facts by heading."""
    metrics = details.metrics
    digests = metrics.data.digests.model_dump()
    parts: dict[str, Rows] = {
        "training": [
            ("finished", metrics.finished_at[:16].replace("T", " ")),
            ("seed", str(metrics.seed)),
            ("epochs", f"{metrics.epochs}, epoch {metrics.best_epoch} was kept"),
            ("time", duration(metrics.training_seconds)),
            ("training rows per second", f"{metrics.samples_per_second:,.0f}"),
            ("peak memory", f"{metrics.peak_memory_bytes / 1e9:.1f} GB"),
            ("precision", metrics.precision),
            ("longest text", f"{metrics.max_length} tokens"),
            ("resumes", str(metrics.resumes)),
            ("temperature", f"{metrics.temperature:.4f}"),
        ],
        "data": [
            ("name", metrics.data.name),
            ("source", metrics.data.source or "not known"),
            ("license", metrics.data.licence or "unknown"),
            *((f"SHA-256 of {split}", digest) for split, digest in digests.items()),
        ],
        "weights": flatten(metrics.weights.model_dump() if metrics.weights else {}),
        "parameters": flatten(details.params.get("params")),
        "versions": flatten(details.params.get("versions")),
        "made on": [
            *flatten(details.params.get("hardware")),
            *((key, str(value)) for key in ("revision", "image") if (value := details.params.get(key))),
        ],
    }
    return {"name": details.name, "parts": {heading: rows for heading, rows in parts.items() if rows}}
