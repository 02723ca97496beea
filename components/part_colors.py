"""One colour for what a part of a file is for, and one for what became of an operation.

Of the same family as those of the recipes: at least 3:1 against both grounds, and apart in
lightness; each stands beside its word.
"""

from __future__ import annotations

from converter.anatomy import (
    ASSETS,
    CONTAINER,
    GRAPH,
    METADATA,
    OPTIMIZER,
    QUANTIZATION,
    SIGNATURES,
    WEIGHTS,
)
from converter.graph_map import ADDED, FOLDED, FUSED, INSIDE, KEPT, NOT_TRACED, REMOVED

_GREY = "#76808D"
ROLE_COLORS = {
    WEIGHTS: "#2F6FC4", QUANTIZATION: "#D55E00", GRAPH: "#0B8F6B", SIGNATURES: "#B07D12",
    METADATA: "#7A5BD0", ASSETS: "#8C5A3C", OPTIMIZER: "#A83C86", CONTAINER: _GREY,
}
FATE_COLORS = {
    KEPT: "#2F6FC4", FUSED: "#0B8F6B", INSIDE: "#2A93C9", FOLDED: "#B07D12", REMOVED: _GREY,
    NOT_TRACED: "#CC4444", ADDED: "#D55E00",
}
FATE_MARKS = {
    KEPT: "●", FUSED: "◆", INSIDE: "◇", FOLDED: "■", REMOVED: "○", NOT_TRACED: "?", ADDED: "+",
}
"""Beside the colour, for those who do not see it."""
