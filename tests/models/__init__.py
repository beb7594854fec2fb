"""Tests of emotion.models."""
