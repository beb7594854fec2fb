"""Builds the ANN and the LSTM from parameters, and describes any model for architecture.json."""

from typing import Any

from emotion.models import ann, lstm
from emotion.params.schema import AnnTable, LstmTable, WordParams


def build_model(params: WordParams, vocabulary: int, labels: int) -> Any:
    """Build the ANN or LSTM of `[model]`, untrained, for `vocabulary` token ids and `labels` classes."""
    table = _with_dropout_of_students(params)
    if isinstance(table, AnnTable):
        return ann.build(table, vocabulary, params.text.max_length, labels)
    return lstm.build(table, vocabulary, params.padded_length, labels)


def _with_dropout_of_students(params: WordParams) -> AnnTable | LstmTable:
    """Give `[model]`, with reduced dropout for a student."""
    table, teacher = params.model, params.training.teacher
    if teacher is None:
        return table
    dropouts = {key: value for key, value in table.model_dump().items() if key.endswith("_dropout")}
    return table.model_copy(update={key: value * teacher.dropout for key, value in dropouts.items()})


def architecture(model: Any) -> dict[str, Any]:
    """Describe a model's layers, their output shapes and numbers of parameters, for architecture.json.

    Dropout layers with rate zero are left out.
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
    """Describe a layer for people, besides its shape."""
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
    """Count all parameters, and the parameters that training changes."""
    trainable = sum(int(variable.value.shape.num_elements()) for variable in model.trainable_variables)
    return {"total": model.count_params(), "trainable": trainable}
