"""Tests of emotion.data."""
