"""The parameters of a training: their schema, and the params.toml that they are read from."""
