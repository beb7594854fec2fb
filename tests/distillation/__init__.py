"""Tests of emotion.distillation."""
