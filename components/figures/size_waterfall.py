"""From the original's file to a variant's, step by step: what went away, and what stands again."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from components.figures.axes import linear_axis
from components.figures.bars import Bar, build_bar_figure
from components.figures.ink import MUTED
from components.format import byte_unit, escape_label, format_bytes, format_tick
from components.size_words import step_meaning, step_name
from components.visible_text import visible_text
from converter.size_steps import LEVEL, SAVED, STORED, VARIANT, SizeStep

_MINUS = "\N{MINUS SIGN}"
_ROW_HEIGHT = 28
_HOVER_LENGTH = 120


def build_size_waterfall(steps: Sequence[SizeStep], color: str, name: str) -> go.Figure:
    """Return the steps as bars, one below the other; a bar begins where the one before ended.

    Filled: what is there, grey for the original's and coloured for the variant's bytes. Outlined:
    what went away.

    Args:
        steps: From `size_steps`, or its end from a level on; at least one.
        color: The variant's.
        name: What the variant is called.
    """
    unit, divisor = byte_unit(max(_top(step) for step in steps))
    reach = max(_top(step) for step in steps) / divisor * 1.03 or 1.0
    bars = []
    own = False  # from the stored weights on, all bytes are the variant's
    for step in steps:
        own = own or (step.role == LEVEL and step.what in {STORED, VARIANT})
        bars.append(Bar(
            name=short_layer(step.what) if step.role == SAVED and step.layers == 1
            else step_name(step),
            value=(step.level_bytes if step.role == LEVEL else abs(step.change_bytes)) / divisor,
            start=0.0 if step.role == LEVEL else (_top(step) - abs(step.change_bytes)) / divisor,
            figure=amount(step), hollow=step.change_bytes < 0,
            color=color if own or step.role == SAVED else MUTED, hover=_hover(step),
        ))
    return build_bar_figure(
        bars, axis=linear_axis(0.0, reach, format_tick), title=unit, row_height=_ROW_HEIGHT,
        alt=_alt(steps, name),
    )


def amount(step: SizeStep) -> str:
    """Return a step's bytes: signed where it is a change."""
    if step.role == LEVEL:
        return format_bytes(step.level_bytes)
    return f"{_MINUS if step.change_bytes < 0 else '+'}{format_bytes(abs(step.change_bytes))}"


def short_layer(name: str) -> str:
    """Return the part of a fused layer's name that stands first: what the others end in.

    The converter joins the names of what it fused by semicolons, the last operator's first.
    """
    return visible_text(name).split(";", 1)[0] or visible_text(name)


def _top(step: SizeStep) -> int:
    return max(step.level_bytes, step.level_bytes - step.change_bytes)


def _hover(step: SizeStep) -> str:
    name = visible_text(step_name(step))
    name = name if len(name) <= _HOVER_LENGTH else f"{name[:_HOVER_LENGTH]}…"
    lines = [f"<b>{escape_label(name)}</b>", step_meaning(step), f"{_exact(step)} bytes"]
    if step.role != LEVEL:
        lines.append(f"{step.level_bytes:,} bytes after it")
    return "<br>".join(lines)


def _exact(step: SizeStep) -> str:
    if step.role == LEVEL:
        return f"{step.level_bytes:,}"
    return f"{step.change_bytes:+,}".replace("-", _MINUS)


def _alt(steps: Sequence[SizeStep], name: str) -> str:
    told = [f"{visible_text(step_name(step))[:60]} {amount(step)}" for step in steps]
    return f"Steps to the file of {name}: {'; '.join(told)}."
