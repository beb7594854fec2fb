"""Batch jobs that train text classifiers, compare them and classify CSV files with the winner."""

__version__ = "0.1.0"
