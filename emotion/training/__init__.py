"""Training: batches, the training step, epochs, early stopping, checkpoints, and progress reports."""
