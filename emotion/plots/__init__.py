"""Charts from plain numbers and names, in one style; no chart knows a run or imports TensorFlow."""
