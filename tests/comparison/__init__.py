"""Tests of emotion.comparison."""
