"""Tests of emotion.job."""
