"""Pretrained weights: which are known, where they are on this machine, how they are fetched and verified."""
