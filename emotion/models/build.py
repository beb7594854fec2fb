"""From parameters to an untrained model."""

from typing import Any

from emotion.models import ann, lstm
from emotion.params.schema import AnnTable, WordParams


def build_model(params: WordParams, vocabulary: int, labels: int) -> Any:
    """Build what `[model]` says of the ANN or LSTM, for `vocabulary` token ids and `labels` classes."""
    if isinstance(params.model, AnnTable):
        return ann.build(params.model, vocabulary, params.text.max_length, labels)
    return lstm.build(params.model, vocabulary, labels)


def architecture(model: Any) -> dict[str, Any]:
    """Layers with what sets them apart, their output shapes and parameters, for architecture.json.

    A dropout that drops nothing is no layer.
    """
    layers = [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "detail": _detail(layer),
            "output_shape": list(layer.output.shape),
            "parameters": layer.count_params(),
        }
        for layer in model.layers
        if type(layer).__name__ != "Dropout" or layer.rate
    ]
    return {"name": model.name, "parameters": count_parameters(model), "layers": layers}


def _detail(layer: Any) -> str:
    """What a person wants to know of a layer beside its shape."""
    kind = type(layer).__name__
    if kind == "Embedding":
        return f"{layer.input_dim:,} words, {layer.output_dim} features"
    if kind == "Dense":
        return f"{layer.units:,} units, {layer.activation.__name__}"
    if kind == "Dropout":
        return f"{layer.rate:g} of {'whole features' if layer.features else 'values'}, while training"
    if kind == "Bidirectional":
        return f"LSTM, {layer.forward_layer.units:,} units, from both ends"
    return str(getattr(layer, "detail", ""))


def count_parameters(model: Any) -> dict[str, int]:
    """Number of weights, and of those that training changes."""
    trainable = sum(int(variable.value.shape.num_elements()) for variable in model.trainable_variables)
    return {"total": model.count_params(), "trainable": trainable}
