"""Tests of emotion.params."""
