"""Size on disk: each file, compressed and not, against the original."""

from __future__ import annotations

import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.row_chart import Row, absence, add_baseline, chart_rows, new_row_figure
from components.format import byte_unit, format_bytes, format_ratio, format_tick
from converter.comparison import Comparison, Variant
from converter.verdict import size_ratio

PARAMETERS_COLOR = "#C2476B"


def build_size_figure(comparison: Comparison) -> go.Figure:
    """Return bars of file sizes with their gzip sizes, and the original's parameter bytes.

    The original counts without optimizer state: that is training baggage, not the model.
    """
    rows = chart_rows(comparison)
    sizes = [_size(comparison, row) for row in rows]
    model = comparison.model
    known = [size for size in [*sizes, float(model.parameter_bytes)] if size]
    # Bars are lengths, so their axis begins at zero and is never logarithmic.
    unit, divisor = byte_unit(max(known, default=1.0))
    end = max(known, default=1.0) * 1.05
    axis = linear_axis(0.0, end, lambda size: format_tick(size / divisor))
    figure = new_row_figure(
        rows,
        [_size_text(row, size) for row, size in zip(rows, sizes, strict=True)],
        details=[_detail(comparison, row) for row in rows],
        axis=axis, title=f"{unit} on disk", alt=_alt(comparison),
    )
    figure.add_bar(
        x=sizes, y=list(range(len(rows))), orientation="h", name="File", showlegend=False,
        marker={"color": [row.color for row in rows], "cornerradius": 3},
        customdata=[row.full_label for row in rows],
        text=[format_bytes(size) for size in sizes], textposition="none",
        hovertemplate="%{customdata}: %{text}<extra></extra>",
    )
    _add_gzip(figure, comparison, rows)
    add_baseline(figure, float(model.size_without_optimizer_bytes))
    _add_parameters(figure, comparison)
    return figure


def _size_text(row: Row, size: float | None) -> str:
    if size:
        return format_bytes(size)
    return "unknown" if row.variant is None else absence(row.variant)


def _add_gzip(figure: go.Figure, comparison: Comparison, rows: list[Row]) -> None:
    packed = [
        comparison.model.baseline_gzip_bytes if row.variant is None else row.variant.gzip_bytes
        for row in rows
    ]
    figure.add_scatter(
        x=packed, y=list(range(len(rows))), mode="markers", name="gzip",
        marker={"symbol": "diamond", "size": 10, "color": "#FFFFFF",
                "line": {"color": "#16212B", "width": 1.5}},
        customdata=[f"{row.full_label}, gzip: {format_bytes(size)}"
                    for row, size in zip(rows, packed, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _add_parameters(figure: go.Figure, comparison: Comparison) -> None:
    size = comparison.model.parameter_bytes
    figure.add_scatter(
        x=[size, size], y=[-0.4, 0.4], mode="lines", name="parameters",
        line={"color": PARAMETERS_COLOR, "width": 3},
        customdata=[f"original, parameters alone: {format_bytes(size)}"] * 2,
        hovertemplate="%{customdata}<extra></extra>",
    )


def _size(comparison: Comparison, row: Row) -> float | None:
    if row.variant is None:
        return float(comparison.model.size_without_optimizer_bytes)
    return None if row.variant.size_bytes is None else float(row.variant.size_bytes)


def _detail(comparison: Comparison, row: Row) -> str:
    if row.variant is None:
        return "baseline"
    return _size_words(comparison, row.variant) if row.variant.size_bytes else ""


def _size_words(comparison: Comparison, variant: Variant) -> str:
    ratio = size_ratio(comparison, variant)
    if 0.97 <= ratio <= 1.03:
        return "same size"
    return f"{format_ratio(max(ratio, 1 / ratio))} {'smaller' if ratio > 1 else 'larger'}"


def _alt(comparison: Comparison) -> str:
    original = format_bytes(comparison.model.size_without_optimizer_bytes)
    sizes = [
        f"{v.recipe} {format_bytes(v.size_bytes)}" for v in comparison.variants if v.size_bytes
    ]
    return f"File sizes: original {original}, {', '.join(sizes) or 'no variant'}."
