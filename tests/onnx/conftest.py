"""Texts that several of these tests classify."""

TEXTS = ["i feel happy", "furious", "so very scared today", "unheard words", "", "i " * 200]
