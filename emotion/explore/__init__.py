"""Describes a labeled data set: measurements, and a chart of every measurement."""
