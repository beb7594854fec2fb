"""Tests of emotion.runs."""
