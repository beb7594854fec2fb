"""Evaluation of a run: metrics, calibration, mistakes, figures, and the model card."""
