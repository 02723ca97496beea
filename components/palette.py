"""One colour and one symbol for each recipe, the same on every page and in every chart.

The colours keep a contrast of at least 3:1 against both the light and the dark background, and
differ in lightness as well as hue, so that they stay apart for colour-blind readers; no chart
relies on colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.comparison import REFERENCE
from converter.recipe import AS_GIVEN, SELECT_TF_PRESET

_KNOWN: dict[str, tuple[str, str]] = {
    REFERENCE: ("#76808D", "square"),
    "float32": ("#2F6FC4", "circle"),
    "dynamic_range": ("#0B8F6B", "diamond"),
    "float16": ("#2A93C9", "triangle-up"),
    "int8": ("#D55E00", "circle"),
    "int8_full": ("#A83C86", "pentagon"),
    "int16x8": ("#B07D12", "hexagon"),
    SELECT_TF_PRESET.name: ("#7A5BD0", "cross"),
    # What only a run that starts from a .tflite shows.
    AS_GIVEN.name: ("#5E7184", "square-open"),
    "int8_weight_only": ("#1E8FA6", "diamond-wide"),
    "int4_weight_only": ("#CC4444", "triangle-left"),
    "int4_dynamic_range": ("#9B59B6", "diamond-tall"),
    "int8x4": ("#8A7A1A", "octagon"),
    "int8_octav": ("#B27481", "circle-cross"),
    "int4_mse": ("#828C5B", "diamond-cross"),
    "int4_octav": ("#209E20", "circle-x"),
    "int4_gptq": ("#DB2CA7", "diamond-x"),
    "int4_oscar": ("#818FC7", "square-cross"),
    "int4_hadamard": ("#CF63DB", "square-x"),
    "int4_blocks": ("#DB2C84", "hexagon2"),
    "int2_dynamic_range": ("#DB2CDB", "x"),
}
_CUSTOM = (
    ("#5F8A1E", "star"),
    ("#8C5A3C", "triangle-down"),
    ("#C2476B", "star-diamond"),
    ("#4B7F87", "hourglass"),
    ("#6C63B8", "bowtie"),
    ("#B3592E", "star-square"),
    ("#3E8E4F", "triangle-right"),
    ("#A35FA0", "hexagram"),
)


_PRECISIONS: dict[str, str] = {
    "float32": _KNOWN["float32"][0],
    "float16": _KNOWN["float16"][0],
    "weight_only_int8": _KNOWN["int8_weight_only"][0],
    "dynamic_int8": _KNOWN["dynamic_range"][0],
    "int16x8": _KNOWN["int16x8"][0],
    "int8": _KNOWN["int8"][0],
    "weight_only_int4": _KNOWN["int4_weight_only"][0],
    "dynamic_int4": _KNOWN["int4_dynamic_range"][0],
    "dynamic_int4_mse": "#C2476B",
    "dynamic_int4_octav": "#6C63B8",
    "dynamic_int4_hadamard": "#4B7F87",
    "dynamic_int4_block32": "#A35FA0",
    "int8_int4": _KNOWN["int8x4"][0],
    "dynamic_int2": "#8C5A3C",
    "dynamic_int2_block32": "#5F8A1E",
    "dynamic_int8_tensor": "#3E8E4F",
    "dynamic_int4_tensor": "#B3592E",
    "dynamic_int4_tensor_mse": "#8A6FA8",
    "dynamic_int4_tensor_octav": "#2E8C9E",
}
"""What a layer is stored as: the colour of the recipe that does so to all of them, where there is
one."""


# Of variants of different runs side by side: a recipe's own colour would be that of each of them.
_PAIRS = (
    ("#2F6FC4", "circle"),
    ("#D55E00", "diamond"),
    ("#0B8F6B", "triangle-up"),
    ("#A83C86", "pentagon"),
    ("#B07D12", "hexagon"),
    ("#7A5BD0", "cross"),
)


def recipe_color(name: str, custom: Sequence[str] = ()) -> str:
    """Return a recipe's colour as `#rrggbb`.

    Args:
        name: The recipe's name, or `original`.
        custom: The names shown together that are no preset (custom recipes, files of a person's
            own), in order; they share eight colours.
    """
    return _style(name, custom)[0]


def recipe_symbol(name: str, custom: Sequence[str] = ()) -> str:
    """Return a recipe's Plotly marker symbol; arguments as for `recipe_color`."""
    return _style(name, custom)[1]


def precision_color(name: str) -> str:
    """Return the colour of a precision of one layer as `#rrggbb`."""
    return _PRECISIONS[name]


def pair_style(index: int) -> tuple[str, str]:
    """Return the colour and the symbol of one of the variants of several runs, by its number."""
    return _PAIRS[index % len(_PAIRS)]


def custom_names(names: Sequence[str]) -> list[str]:
    """Return the names that are no preset, in order."""
    return [name for name in names if name not in _KNOWN]


def _style(name: str, custom: Sequence[str]) -> tuple[str, str]:
    if name in _KNOWN:
        return _KNOWN[name]
    index = list(custom).index(name) if name in custom else 0
    return _CUSTOM[index % len(_CUSTOM)]
