"""What a model is worth: metrics of a run, and the comparison of runs."""
