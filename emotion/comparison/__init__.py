"""Comparison of complete runs: the table, the winner, the report."""
