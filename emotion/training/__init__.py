"""Fitting a model: augmentation, steps, epochs, and what is told of them."""
