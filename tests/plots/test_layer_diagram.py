"""The diagram of a model's layers."""

from typing import Any

from emotion.plots import layer_diagram
from tests.plots.drawings import drawn


class TestLayerDiagram:
    def layers(self, *parameters: int) -> list[layer_diagram.Layer]:
        return [layer_diagram.Layer(f"Dense{index}", "64 units", "64", count) for index, count in enumerate(parameters)]

    def test_layers_stand_in_order_with_what_they_have(self) -> None:
        texts = drawn(lambda: layer_diagram.architecture(self.layers(1000, 0, 2_000_000), "ann/s1", 2_001_000))
        assert [text for text in texts if text.startswith("Dense")] == ["Dense0", "Dense1", "Dense2"]
        assert {"ann/s1", "layer", "output", "parameters", "1,000", "2,000,000"} <= set(texts)
        assert texts.count("64 units") == texts.count("64") == 3
        assert "0" not in texts

    def test_one_layer_without_parameters(self) -> None:
        texts = drawn(lambda: layer_diagram.architecture(self.layers(0), "title", 0))
        assert "Dense0" in texts
        assert "0" not in texts

    def test_hostile_words_are_one_line(self) -> None:
        layer: Any = layer_diagram.Layer("\x1b[31mDense\n</text>", "\x00" + "x" * 500, "64", 1)
        texts = drawn(lambda: layer_diagram.architecture([layer], "ti\ntle", 1))
        assert {"[31mDense </text>", "ti tle"} <= set(texts)
        assert max(map(len, texts)) <= 52
