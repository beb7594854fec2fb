"""Labeled text: readers, splits, checks, the built-in sample, and the data set on the hub."""
