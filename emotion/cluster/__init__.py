"""Renders Kubernetes Jobs and drives them with kubectl; keeps no state and uses no client library."""
