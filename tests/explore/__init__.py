"""Tests of emotion.explore."""
