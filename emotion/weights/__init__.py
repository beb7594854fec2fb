"""Pretrained weights: a catalog, their locations on this machine, fetching and verification."""
