"""Tests of emotion.records."""
