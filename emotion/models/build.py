"""From parameters to an untrained model."""

from typing import Any

from emotion.models import ann, lstm
from emotion.params import AnnParams, WordParams


def build_model(params: WordParams, vocabulary: int, labels: int) -> Any:
    """Build what `[model]` says of the ANN or LSTM, for `vocabulary` token ids and `labels` classes."""
    if isinstance(params.model, AnnParams):
        return ann.build(params.model, vocabulary, params.text.max_length, labels)
    return lstm.build(params.model, vocabulary, labels)


def architecture(model: Any) -> dict[str, Any]:
    """Layers with their output shapes and parameters, for architecture.json."""
    layers = [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "output_shape": list(layer.output.shape),
            "parameters": layer.count_params(),
        }
        for layer in model.layers
    ]
    return {"name": model.name, "parameters": count_parameters(model), "layers": layers}


def count_parameters(model: Any) -> dict[str, int]:
    """Number of weights, and of those that training changes."""
    trainable = sum(int(variable.value.shape.num_elements()) for variable in model.trainable_variables)
    return {"total": model.count_params(), "trainable": trainable}
