"""Which layer, and which kind of content, each byte of a `.tflite` belongs to.

`tflite_size_anatomy` fills it in a worker; pages and figures sum it. A layer has the name of the
tensor that its operator gives, as on the Layers page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WEIGHTS, BIASES, LEFT_FLOAT = "weights", "biases", "left_float"
SCALES, GRAPH, METADATA = "scales", "graph", "metadata"
PADDING, UNKNOWN = "padding", "unknown"
KINDS = (WEIGHTS, BIASES, LEFT_FLOAT, SCALES, GRAPH, METADATA, PADDING, UNKNOWN)
"""`left_float`: values that stayed float in a file whose other weights did not, because they are
below the converter's threshold or no smaller kernel takes them. `graph`: tables, names, shapes,
operators and their options, and whole numbers that steer operators (axes, shapes)."""
PARAMETERS = (WEIGHTS, BIASES, LEFT_FLOAT)
WHOLE_FILE, OTHER_LAYERS = "", "…"
"""Names in place of a layer's: what belongs to none, and the smallest of very many together."""
MOST_LAYERS = 1000
NAME_LENGTH = 1000


@dataclass(frozen=True)
class LayerBytes:
    """The bytes of one kind in one layer.

    Attributes:
        layer: The name of the tensor that the layer's operator gives; `WHOLE_FILE` or
            `OTHER_LAYERS` for none.
        kind: One of `KINDS`.
        size_bytes: As stored in the file.
        float32_bytes: Four for each value; 0 for what holds no parameters.
    """

    layer: str
    kind: str
    size_bytes: int
    float32_bytes: int = 0


@dataclass(frozen=True)
class SizeAnatomy:
    """All bytes of a file.

    Attributes:
        size_bytes: The file's; the sum of `parts`.
        parts: One for each layer and kind of it that occurs.
        layers: Layers that have bytes, `OTHER_LAYERS` counted for all that it holds.
    """

    size_bytes: int
    parts: tuple[LayerBytes, ...]
    layers: int

    def kind_bytes(self, *kinds: str) -> int:
        """Return the stored bytes of some kinds together."""
        return sum(part.size_bytes for part in self.parts if part.kind in kinds)

    def float32_bytes(self, *kinds: str) -> int:
        """Return what the values of some kinds take in float32."""
        return sum(part.float32_bytes for part in self.parts if part.kind in kinds)

    def to_json(self) -> dict[str, Any]:
        """Return the parts as JSON-ready values."""
        names = list(dict.fromkeys(part.layer for part in self.parts))
        places = {name: place for place, name in enumerate(names)}
        rows = [[places[p.layer], p.kind, p.size_bytes, p.float32_bytes] for p in self.parts]
        return {
            "size_bytes": self.size_bytes,
            "layers": self.layers,
            "names": names,
            "parts": rows,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SizeAnatomy:
        """Read `to_json`'s form.

        Raises:
            ValueError: When it has another form, or its parts do not sum to the file.
        """
        try:
            names = [str(name)[:NAME_LENGTH] for name in values["names"]]
            parts = tuple(
                LayerBytes(names[place], str(kind), int(size), int(as_float))
                for place, kind, size, as_float in values["parts"]
            )
            read = cls(int(values["size_bytes"]), parts, int(values["layers"]))
        except (KeyError, TypeError, IndexError) as broken:
            raise ValueError("it has another form") from broken
        wrong = any(p.kind not in KINDS or p.size_bytes < 0 or p.float32_bytes < 0 for p in parts)
        if wrong or read.kind_bytes(*KINDS) != read.size_bytes:
            raise ValueError("its parts do not sum to the file")
        return read


def collect(found: list[LayerBytes], most_layers: int = MOST_LAYERS) -> SizeAnatomy:
    """Sum by layer and kind; beyond `most_layers` the smallest layers become one."""
    by_layer: dict[str, int] = defaultdict(int)
    for item in found:
        by_layer[item.layer] += item.size_bytes
    by_layer.pop(WHOLE_FILE, None)
    largest = sorted(by_layer, key=lambda name: -by_layer[name])[:most_layers]
    shown = {WHOLE_FILE, *largest}
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for item in found:
        entry = sums[item.layer if item.layer in shown else OTHER_LAYERS, item.kind]
        entry[0] += item.size_bytes
        entry[1] += item.float32_bytes
    parts = tuple(
        LayerBytes(layer, kind, size, as_float)
        for (layer, kind), (size, as_float) in sums.items()
        if size or as_float
    )
    return SizeAnatomy(sum(part.size_bytes for part in parts), parts, len(by_layer))
