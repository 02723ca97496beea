"""What a variant needs of memory, from the least there can be to the whole process."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from components.figures.axes import positive_axis
from components.figures.bars import Bar, build_bar_figure
from components.figures.ink import MUTED
from components.format import MISSING, byte_unit, format_bytes, format_tick
from components.memory_words import MemoryLevel


def build_memory_figure(levels: Sequence[MemoryLevel], color: str) -> go.Figure:
    """Return a bar for each level: measured ones in the variant's colour, computed ones grey.

    Args:
        levels: At least one.
        color: The variant's.
    """
    known = [level.size_bytes for level in levels if level.size_bytes]
    unit, divisor = byte_unit(max(known, default=1))
    axis = positive_axis([size / divisor for size in known], format_tick)
    is_log = axis["type"] == "log"
    bars = [
        Bar(
            name=level.name, value=level.size_bytes / divisor if level.size_bytes else None,
            figure=MISSING if level.size_bytes is None else format_bytes(level.size_bytes),
            color=color if level.is_measured else MUTED,
            hover=f"{level.name}, {'measured' if level.is_measured else 'computed'}: "
            + (MISSING if level.size_bytes is None else f"{level.size_bytes:,} bytes"),
        )
        for level in levels
    ]
    told = ", ".join(
        f"{level.name} {bar.figure}{'' if level.is_measured else ' (computed)'}"
        for level, bar in zip(levels, bars, strict=True)
    )
    return build_bar_figure(
        bars, axis=axis, title=f"{unit}{', logarithmic' if is_log else ''}",
        alt=f"Memory by level: {told}.",
        base=10 ** axis["range"][0] if is_log else None,
    )
