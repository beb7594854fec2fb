"""What a labelled data set holds: its numbers, and figures of them."""
