"""Tokenizers: one tokenizer.json for every model."""
