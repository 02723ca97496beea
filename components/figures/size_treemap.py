"""A variant's file as a treemap: an area for each layer, and in it one for each kind of bytes."""

from __future__ import annotations

import plotly.graph_objects as go

from components.figures.ink import GROUND
from components.figures.size_waterfall import short_layer
from components.format import escape_label, format_bytes, format_percent
from components.size_words import KIND_NAMES, layer_name
from components.visible_text import visible_text
from converter.size_anatomy import (
    BIASES,
    GRAPH,
    KINDS,
    LEFT_FLOAT,
    METADATA,
    OTHER_LAYERS,
    PADDING,
    SCALES,
    UNKNOWN,
    WEIGHTS,
    WHOLE_FILE,
    LayerBytes,
    SizeAnatomy,
    collect,
)

MOST_AREAS = 40
"""Layers with an area of their own; the others are one together."""
_HEIGHT = 460
_NAME_LENGTH = 34
_HOVER_LENGTH = 120
_ROOT = "file"
# Weights have the variant's colour. The rest is muted: every area has its name written in.
KIND_COLORS = {
    BIASES: "#71659B", LEFT_FLOAT: "#9C5479", SCALES: "#47758A", GRAPH: "#7A7166",
    METADATA: "#A39B90", PADDING: "#BDB7AE", UNKNOWN: "#B94040",
}


def build_size_treemap(anatomy: SizeAnatomy, color: str, name: str) -> go.Figure:
    """Return the treemap; a click on a layer opens it.

    Args:
        anatomy: The variant's bytes.
        color: The variant's.
        name: What the variant is called.
    """
    shown = collect(list(anatomy.parts), MOST_AREAS)
    layers: dict[str, list[LayerBytes]] = {}
    for part in shown.parts:
        if part.size_bytes:
            layers.setdefault(part.layer, []).append(part)
    total = max(shown.size_bytes, 1)
    ids, labels, parents, values, colors, hover = [_ROOT], [escape_label(name)], [""], \
        [shown.size_bytes], [GROUND], [f"{shown.size_bytes:,} bytes"]

    def add(key: str, label: str, parent: str, size: int, fill: str, full: str) -> None:
        ids.append(key)
        labels.append(escape_label(label))
        parents.append(parent)
        values.append(size)
        colors.append(fill)
        hover.append(f"<b>{escape_label(full)}</b><br>{size:,} bytes, "
                     f"{format_percent(size / total)} of the file")

    for place, (layer, parts) in enumerate(layers.items()):
        full = visible_text(layer_name(layer))[:_HOVER_LENGTH]
        size = sum(part.size_bytes for part in parts)
        largest = max(parts, key=lambda part: part.size_bytes)
        add(f"{place}", _label(layer), _ROOT, size, _fill(largest.kind, color), full)
        for part in parts:
            add(f"{place}/{part.kind}", KIND_NAMES[part.kind], f"{place}", part.size_bytes,
                _fill(part.kind, color), f"{full}: {KIND_NAMES[part.kind].lower()}")
    figure = go.Figure(go.Treemap(
        ids=ids, labels=labels, parents=parents, values=values, branchvalues="total",
        marker={"colors": colors, "cornerradius": 2, "pad": {"t": 18, "l": 2, "r": 2, "b": 2}},
        text=[format_bytes(value) for value in values], texttemplate="%{label}<br>%{text}",
        customdata=hover, hovertemplate="%{customdata}<extra></extra>",
        tiling={"pad": 2}, sort=True, pathbar={"visible": True}, textfont={"size": 12},
    ))
    figure.update_layout(
        height=_HEIGHT, margin={"l": 0, "r": 0, "t": 24, "b": 0}, meta={"alt": _alt(anatomy, name)},
    )
    return figure


def kinds_present(anatomy: SizeAnatomy) -> list[str]:
    """Return the kinds that take bytes, in their fixed order."""
    return [kind for kind in KINDS if anatomy.kind_bytes(kind)]


def kind_color(kind: str, color: str) -> str:
    """Return the colour of a kind's area, `#rrggbb`; `color` is the variant's."""
    return _fill(kind, color)


def _fill(kind: str, color: str) -> str:
    return color if kind == WEIGHTS else KIND_COLORS[kind]


def _label(layer: str) -> str:
    if layer in {WHOLE_FILE, OTHER_LAYERS}:
        return layer_name(layer)
    name = short_layer(layer)
    return name if len(name) <= _NAME_LENGTH else f"…{name[1 - _NAME_LENGTH:]}"


def _alt(anatomy: SizeAnatomy, name: str) -> str:
    kinds = sorted(kinds_present(anatomy), key=lambda kind: -anatomy.kind_bytes(kind))
    told = [f"{KIND_NAMES[kind].lower()} {format_bytes(anatomy.kind_bytes(kind))}"
            for kind in kinds]
    sizes: dict[str, int] = {}
    for part in anatomy.parts:
        if part.layer not in {WHOLE_FILE, OTHER_LAYERS}:
            sizes[part.layer] = sizes.get(part.layer, 0) + part.size_bytes
    largest = max(sizes, key=lambda layer: sizes[layer], default=None)
    layer = "" if largest is None else \
        f" The largest of {anatomy.layers} layers is {visible_text(largest)[:80]} " \
        f"({format_bytes(sizes[largest])})."
    return f"Bytes of {name}: {', '.join(told)}.{layer}"
