"""A file's parts as nested areas, and what their bytes are for."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.ink import GRID, INK, MUTED, SOFT_INK
from components.format import byte_unit, escape_label, format_bytes, format_tick, shorten
from converter.anatomy import (
    ASSETS,
    CONTAINER,
    GRAPH,
    METADATA,
    OPTIMIZER,
    QUANTIZATION,
    ROLES,
    SIGNATURES,
    WEIGHTS,
    AnatomyNode,
)

ROLE_COLORS = {
    WEIGHTS: "#2F6FC4", QUANTIZATION: "#D55E00", GRAPH: "#0B8F6B", SIGNATURES: "#B07D12",
    METADATA: "#7A5BD0", ASSETS: "#8C5A3C", OPTIMIZER: "#A83C86", CONTAINER: MUTED,
}
_DEPTH = 3


def build_parts_figure(root: AnatomyNode) -> go.Figure:
    """Return the parts of a file as an icicle, to be opened by a click."""
    ids, labels, parents, values, colors, hovers = [], [], [], [], [], []
    stack: list[tuple[str, str, AnatomyNode]] = [("0", "", root)]
    while stack:
        own, parent, node = stack.pop()
        ids.append(own)
        parents.append(parent)
        labels.append(escape_label(shorten(node.name, 28)))
        values.append(node.size_bytes)
        colors.append(ROLE_COLORS[node.role])
        detail = f"<br>{escape_label(shorten(node.detail, 80))}" if node.detail else ""
        hovers.append(f"{escape_label(shorten(node.name, 80))}: {format_bytes(node.size_bytes)}"
                      f"<br>{node.role}{detail}")
        stack += [(f"{own}.{i}", own, child) for i, child in enumerate(node.children)]
    largest = max(root.children, key=lambda child: child.size_bytes, default=root)
    figure = go.Figure(go.Icicle(
        ids=ids, labels=labels, parents=parents, values=values, branchvalues="total",
        marker={"colors": colors, "line": {"width": 1}}, maxdepth=_DEPTH, hovertext=hovers,
        hoverinfo="text", tiling={"orientation": "v"}, textfont={"size": 12},
    ))
    figure.update_layout(
        height=300, margin={"l": 2, "r": 2, "t": 2, "b": 2},
        meta={"alt": f"Parts of {root.name}, {format_bytes(root.size_bytes)}; the largest is "
                     f"{largest.name} with {format_bytes(largest.size_bytes)}."},
    )
    return figure


def build_roles_figure(before: Mapping[str, int], after: Mapping[str, int], name: str) -> go.Figure:
    """Return what the bytes of two files are for, one pair of bars a role.

    Args:
        before: The original's bytes by role.
        after: The variant's.
        name: The variant's.
    """
    roles = [role for role in ROLES if before.get(role) or after.get(role)]
    unit, divisor = byte_unit(max([*before.values(), *after.values(), 1]))
    figure = go.Figure()
    for shift, sizes, label, opacity in ((-0.2, before, "original", 0.45), (0.2, after, name, 1.0)):
        figure.add_bar(
            y=[index + shift for index in range(len(roles))],
            x=[sizes.get(role, 0) / divisor for role in roles], orientation="h", width=0.36,
            marker={"color": [ROLE_COLORS[role] for role in roles], "opacity": opacity},
            customdata=[f"{escape_label(label)}, {role}: {format_bytes(sizes.get(role, 0))}"
                        for role in roles],
            hovertemplate="%{customdata}<extra></extra>",
        )
    texts = [f"{format_bytes(before.get(r, 0))} → {format_bytes(after.get(r, 0))}" for r in roles]
    for index, text in enumerate(texts):
        figure.add_annotation(x=1, xref="paper", y=index, text=text, showarrow=False, xshift=10,
                              xanchor="left", font={"size": 12, "color": INK})
    top = max([*before.values(), *after.values(), 1]) / divisor
    figure.update_layout(
        height=46 * len(roles) + 56, showlegend=False, dragmode=False, hovermode="closest",
        margin={"l": 4, "r": 160, "t": 4, "b": 44},
        meta={"alt": "Bytes by what they are for, original and variant: " + "; ".join(
            f"{role} {text}" for role, text in zip(roles, texts, strict=True)) + "."},
        xaxis={**linear_axis(0.0, top * 1.05, format_tick), "fixedrange": True, "gridcolor": GRID,
               "zeroline": False, "tickfont": {"size": 12, "color": SOFT_INK},
               "title": {"text": unit, "standoff": 8, "font": {"size": 12, "color": SOFT_INK}}},
        yaxis={"tickvals": list(range(len(roles))), "ticktext": roles, "fixedrange": True,
               "range": [len(roles) - 0.4, -0.6], "showgrid": False, "zeroline": False,
               "automargin": True, "tickfont": {"size": 13, "color": INK}},
    )
    return figure
