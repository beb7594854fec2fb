"""A training job: from labeled text to metrics.json, in one run folder."""
