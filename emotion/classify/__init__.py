"""Classifying files of records with a trained model."""
