"""What a labeled data set holds: measurements, and a chart of every measurement."""
