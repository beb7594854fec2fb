"""Rendering and driving Kubernetes jobs through kubectl: no state of our own, no client library."""
