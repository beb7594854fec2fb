"""Charts from plain numbers, in one style; they know nothing of runs, and never import TensorFlow."""
