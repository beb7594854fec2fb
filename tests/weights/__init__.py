"""Tests of emotion.weights."""
