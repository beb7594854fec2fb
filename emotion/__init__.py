"""Batch jobs that train text classifiers, compare them and classify CSV files with the winner."""

import os

# Libraries must not report usage to their makers; onnxruntime would do so from its import on.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
