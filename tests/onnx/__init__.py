"""Tests of emotion.onnx."""
