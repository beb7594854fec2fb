"""Tests of emotion.plots."""
