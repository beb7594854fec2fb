"""Tests of emotion.training."""
