"""Tests of emotion.evaluation."""
