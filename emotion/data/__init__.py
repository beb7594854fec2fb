"""Labelled text: reading, splits, checks, the built-in sample and the hub."""
