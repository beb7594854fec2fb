"""Tests of emotion.store."""
