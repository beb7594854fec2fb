"""Complete runs against each other: the table, the winner, the report."""
