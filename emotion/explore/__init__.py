"""What a labelled data set holds: measurements, and a chart of every measurement."""
