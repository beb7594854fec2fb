"""A training job: planned, run from labelled text to metrics.json, in one run folder."""
