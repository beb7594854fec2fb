"""Tests of emotion.cli."""
