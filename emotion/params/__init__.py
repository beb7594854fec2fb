"""Parameters of a training: their schema, and the reader of params.toml."""
