"""Tests of emotion.doctor."""
