"""How the values of an input are distributed: a histogram, or two to be held against each other.

Fed by `describe_distribution`'s JSON, so that the Model page can show a file beside what is fed of
it, and a comparison what was fed in calibration beside what was evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from components.data_format import describe_values, format_value
from components.figures.axes import linear_axis
from components.figures.ink import GRID, MUTED, SOFT_INK
from components.format import format_count, format_percent, format_tick

FILE_COLOR, CALIBRATION_COLOR, EVALUATION_COLOR = MUTED, "#0F8499", "#B07D12"
_HEIGHT, _BELOW = 132, 30
"""Pixels: of the whole, and of its ticks."""
_SIDE = 16
"""Pixels left and right: half the width of a number at the very end of the axis."""
_LONGEST_END = 4
"""Characters of a number that fit there."""
_CUT = 3.0
"""A bar so many times as high as any other would hide them: it is cut, and says how high it is."""
_SANE = (1e-250, 1e250)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One histogram.

    Attributes:
        heading: What it is of.
        facts: `describe_distribution`'s answer; None where there are no values.
        color: Of its bars, as `#rrggbb`.
        absence: What to say where there is nothing to draw.
    """

    heading: str
    facts: Mapping[str, Any] | None
    color: str
    absence: str = "no finite value"

    @property
    def figures(self) -> str:
        """Range, mean and counts on a line; empty where there are no values."""
        return "" if self.facts is None else describe_values(self.facts)


def file_panels(distribution: Mapping[str, Any]) -> list[Panel]:
    """Return an input's values in the file, and those that calibrate.

    Args:
        distribution: One of `describe_data`'s `distributions`.
    """
    fed = distribution.get("fed")
    return [
        Panel(heading="In the file", facts=distribution["file"], color=FILE_COLOR),
        Panel(heading=f"Fed in calibration{_sample_text(fed)}", facts=fed,
              color=CALIBRATION_COLOR,
              absence="no finite value" if fed else "no sample is left for calibration"),
    ]


def split_panels(
    calibration: Mapping[str, Any] | None, evaluation: Mapping[str, Any] | None
) -> list[Panel]:
    """Return what an input was fed in calibration, and what it was fed in evaluation.

    Args:
        calibration: `describe_fed`'s answer for the input; None where nothing was calibrated.
        evaluation: The same of the evaluation samples.
    """
    return [
        Panel(heading=f"Fed in calibration{_sample_text(calibration)}", facts=calibration,
              color=CALIBRATION_COLOR,
              absence="no finite value" if calibration else "no sample calibrated"),
        Panel(heading=f"Fed in evaluation{_sample_text(evaluation)}", facts=evaluation,
              color=EVALUATION_COLOR),
    ]


def build_distribution_figures(name: str, panels: Sequence[Panel]) -> list[go.Figure]:
    """Return a histogram for each panel.

    They share one axis where their ranges are alike, so that what one lacks shows; where one was
    scaled each has its own.

    Args:
        name: The input's name, for readers who do not see the chart.
        panels: In the order in which they are held against each other.
    """
    return [
        _build(name, panel, span) for panel, span in zip(panels, _spans(panels), strict=True)
    ]


def _build(name: str, panel: Panel, span: tuple[float, float] | None) -> go.Figure:
    figure = go.Figure()
    ticks = _ticks(span) if span else []
    figure.update_layout(
        height=_HEIGHT, margin={"l": _SIDE, "r": _SIDE, "t": 4, "b": _BELOW, "pad": 0}, bargap=0,
        showlegend=False, hovermode="closest", dragmode=False,
        meta={"alt": f"{panel.heading}, input {name}: {panel.figures or panel.absence}."},
        xaxis={"range": [0, 1], "fixedrange": True, "showgrid": False, "zeroline": False,
               "showline": True, "linecolor": GRID, "linewidth": 1, "visible": span is not None,
               "ticks": "outside", "ticklen": 4, "tickcolor": GRID, "tickangle": 0,
               "tickvals": [_place(value, span) for value in ticks] if span else [],
               "ticktext": [format_tick(value) for value in ticks],
               "tickfont": {"size": 12, "color": SOFT_INK}},
        yaxis={"fixedrange": True, "visible": False, "range": [0, 1]},
    )
    if panel.facts is None or panel.facts.get("histogram") is None or span is None:
        figure.add_annotation(
            x=0.5, xref="paper", y=0.5, yref="paper", showarrow=False, text=panel.absence,
            font={"size": 13, "color": SOFT_INK},
        )
    else:
        _add_bars(figure, panel.facts["histogram"], panel.color, span)
    return figure


def _spans(panels: Sequence[Panel]) -> list[tuple[float, float] | None]:
    """Return the ends of each axis: the same for all where they are alike."""
    own = [_span(panel) for panel in panels]
    known = [span for span in own if span is not None]
    if not known:
        return own
    low, high = min(span[0] for span in known), max(span[1] for span in known)
    shortest = min(span[1] / 2 - span[0] / 2 for span in known)
    if high / 2 - low / 2 > 4 * shortest:
        return own
    return [None if span is None else (low, high) for span in own]


def _span(panel: Panel) -> tuple[float, float] | None:
    histogram = panel.facts.get("histogram") if panel.facts else None
    return (histogram["edges"][0], histogram["edges"][-1]) if histogram else None


def _place(value: float, span: tuple[float, float]) -> float:
    """Return where a value lies on its axis, from 0 to 1: browsers fail at the ends of float64."""
    low, high = span
    width = high / 2 - low / 2
    return (value / 2 - low / 2) / width if width > 0 else 0.5


def _ticks(span: tuple[float, float]) -> list[float]:
    low, high = span
    width = high / 2 - low / 2
    if width < 1e-9 * max(abs(low), abs(high)):
        return [low / 2 + high / 2]  # its ends read alike
    if not _SANE[0] < width < _SANE[1]:
        return [low, high]
    ticks = linear_axis(low, high, format_tick)["tickvals"]
    # A long number at the very end would be cut off.
    fitting = [value for value in ticks if len(format_tick(value)) <= _LONGEST_END
               or 0.06 <= _place(value, span) <= 0.94]
    return fitting or ticks


def _add_bars(
    figure: go.Figure, histogram: Mapping[str, Any], color: str, span: tuple[float, float]
) -> None:
    edges, counts = histogram["edges"], histogram["counts"]
    whole = sum(counts) or 1
    shares = [count / whole for count in counts]
    top, is_cut = _top(shares)
    places = [_place(edge, span) for edge in edges]
    figure.add_bar(
        x=places[:-1], offset=0, y=[min(share, top) for share in shares],
        width=[max(right - left, 0.004) for left, right in pairwise(places)],
        marker={"color": color, "line": {"width": 0}}, showlegend=False,
        customdata=[f"{_range_text(left, right)}: {format_percent(share)}"
                    for (left, right), share in zip(pairwise(edges), shares, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(yaxis_range=[0, top])
    if is_cut:
        _label_cut_bar(figure, shares, places, top)


def _top(shares: Sequence[float]) -> tuple[float, bool]:
    """Return how high the axis reaches, and whether the highest bar goes beyond it."""
    first, second = sorted([*shares, 0.0], reverse=True)[:2]
    if second > 0 and first > _CUT * second:
        return max(second * 1.25, first / 50), True
    return first * 1.04 or 1.0, False


def _label_cut_bar(
    figure: go.Figure, shares: Sequence[float], places: Sequence[float], top: float
) -> None:
    highest = max(range(len(shares)), key=shares.__getitem__)
    is_left = places[highest] < 0.6
    share = format_percent(shares[highest], 0)
    figure.add_annotation(
        x=places[highest + 1] if is_left else places[highest], y=top, showarrow=False,
        yanchor="top", xanchor="left" if is_left else "right", borderpad=1,
        text=f"◂ {share}, cut off here" if is_left else f"{share}, cut off here ▸",
        font={"size": 12, "color": SOFT_INK},
    )


def _range_text(left: float, right: float) -> str:
    # Whole numbers have edges halfway between them.
    if abs(left) % 1 == 0.5 and abs(right) % 1 == 0.5:
        first, last = left + 0.5, right - 0.5
        return format_value(first) if first == last else (
            f"{format_value(first)} to {format_value(last)}"
        )
    return f"{format_value(left)} to {format_value(right)}"


def _sample_text(facts: Mapping[str, Any] | None) -> str:
    if not facts or "samples" not in facts:
        return ""
    count = facts["samples"]
    return f": {format_count(count)} sample{'' if count == 1 else 's'}"
