"""Tests of emotion.classify."""
