"""The models: a registry of data, a small builder per model, and Hugging Face's file formats."""
