"""What a model is worth: metrics, calibration and mistakes of a run."""
