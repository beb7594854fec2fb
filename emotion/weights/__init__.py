"""Pretrained checkpoints: which are known, where they are found, how they are fetched and verified."""
