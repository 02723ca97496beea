"""Residuals of a regression: what the variant changed, over what the original said."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.ink import MUTED
from components.figures.plane import new_plane
from components.format import format_error, format_tick
from converter.sample_differences import SampleDifferences

_MOST_POINTS = 2000


def build_residual_figure(differences: SampleDifferences, name: str, color: str) -> go.Figure:
    """Return y - r over r for each sample, at its value with the largest error.

    Args:
        differences: Of an output without classes; of many samples those with the largest errors
            are drawn.
        name: The variant's name.
        color: The variant's, as `#rrggbb`.
    """
    finite = np.isfinite(differences.reference_value) & np.isfinite(differences.variant_value)
    known = differences.take(np.flatnonzero(finite))
    known = known.take(known.worst(_MOST_POINTS))
    x, y = known.reference_value, known.variant_value - known.reference_value
    ends = [(float(v.min()), float(v.max())) if len(v) else (0.0, 1.0) for v in (x, y)]
    axes = []
    for (low, high), text in zip(ends, (format_tick, format_error), strict=True):
        pad = 0.06 * (high - low) or max(abs(high) * 0.1, 1e-6)
        axes.append(linear_axis(low - pad, high + pad, text))
    largest = float(np.max(np.abs(y), initial=0.0))
    figure = new_plane(
        axes[0], axes[1], x_title="Value of the original", y_title="Variant less original",
        alt=f"Residuals of {name} over {len(x)} samples, the largest {format_error(largest)}.",
    )
    figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=0, y1=0, layer="below",
                     line={"color": MUTED, "width": 1.2, "dash": "dash"})
    figure.add_scattergl(
        x=x, y=y, mode="markers", marker={"color": color, "size": 6, "opacity": 0.6},
        customdata=[f"row {row}: {format_tick(a)} → {format_tick(a + b)}"
                    for row, a, b in zip(known.row.tolist(), x.tolist(), y.tolist(), strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return figure
