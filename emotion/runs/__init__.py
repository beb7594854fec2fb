"""A training job: planned, run from labeled text to metrics.json, in one run folder."""
