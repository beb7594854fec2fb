"""ONNX: export, parity, and the session that runs a trained model."""
