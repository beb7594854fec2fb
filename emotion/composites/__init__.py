"""Composites: cascades and ensembles of trained models."""
