"""The models: a registry, which is data, and one small builder each."""
