"""Tests of emotion.text."""
