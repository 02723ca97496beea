"""One chart of what flags do: size, latency and drift below each other, a row for each effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from components.figures.axes import linear_axis, log_axis
from components.figures.ink import GRID, INK, MUTED, SOFT_INK
from components.flag_words import change_words, label_of
from components.format import TIMES, escape_label, format_tick
from converter.flag_effects import DRIFT, LATENCY, MEASURES, SIZE, Effect
from converter.flag_study import FlagStudy

_TITLES = {
    SIZE: f"<b>File size</b>, {TIMES} the size without",
    LATENCY: f"<b>Latency</b>, {TIMES} the median without",
    DRIFT: "<b>Drift</b>, change of SQNR in dB",
}
_LINE, _GAP = 17, 74
_CHARACTER_WIDTH = 6.6


def build_flag_figure(study: FlagStudy) -> go.Figure:
    """Return main effects and interactions on each measure, with intervals and single pairs.

    Args:
        study: With at least one effect that could be estimated.
    """
    rows = shown_effects(study)
    heights = [_row_height(study, which) for which in rows]
    panel = sum(heights)
    height = len(MEASURES) * (panel + _GAP)
    texts = [
        [_text(study.effect(measure, *which)) for which in rows] for measure in MEASURES
    ]
    longest = max(len(text) for panel_texts in texts for text in panel_texts)
    figure = go.Figure()
    centers = [sum(heights[:i]) + heights[i] / 2 for i in range(len(rows))]
    for number, measure in enumerate(MEASURES):
        top = 1 - (number * (panel + _GAP) + 26) / height
        domain = [max(0.0, top - panel / height), top]
        _add_panel(figure, study, measure, rows, centers, number, domain, panel)
        for center, text in zip(centers, texts[number], strict=True):
            figure.add_annotation(
                x=1, xref="paper", y=center, yref=f"y{number + 1}", text=text, showarrow=False,
                xanchor="left", yanchor="middle", align="left", xshift=8,
                font={"size": 12, "color": INK},
            )
        figure.add_annotation(
            x=0, xref="paper", y=top, yref="paper", text=_TITLES[measure], showarrow=False,
            xanchor="left", yanchor="bottom", align="left", font={"size": 13, "color": INK},
        )
    figure.update_layout(
        height=height + 8, showlegend=False, dragmode=False, hovermode="closest",
        margin={"l": 4, "r": round(longest * _CHARACTER_WIDTH) + 14, "t": 4, "b": 4},
        meta={"alt": _alt(study)},
    )
    return figure


def shown_effects(study: FlagStudy) -> list[tuple[int, ...]]:
    """Return the effects with at least one estimate: flags first, then pairs of flags."""
    known = dict.fromkeys(e.factors for e in study.effects if e.estimate is not None)
    return sorted(known, key=lambda which: (len(which), which))


def _add_panel(
    figure: go.Figure, study: FlagStudy, measure: str, rows: Sequence[tuple[int, ...]],
    centers: Sequence[float], number: int, domain: list[float], panel: float,
) -> None:
    effects = [study.effect(measure, *which) for which in rows]
    axes = {"xaxis": f"x{number + 1}", "yaxis": f"y{number + 1}"}
    for effect, center in zip(effects, centers, strict=True):
        if effect.estimate is not None:
            _add_effect(figure, study, effect, center, axes)
    figure.add_shape(
        type="line", x0=_place(measure, 0.0), x1=_place(measure, 0.0), y0=0, y1=panel,
        xref=axes["xaxis"], yref=axes["yaxis"], layer="below",
        line={"color": MUTED, "width": 1.2, "dash": "dash"},
    )
    suffix = "" if number == 0 else str(number + 1)
    figure.update_layout({
        f"xaxis{suffix}": {
            **_axis(measure, effects), "anchor": axes["yaxis"], "fixedrange": True,
            "gridcolor": GRID, "zeroline": False, "tickangle": 0,
            "tickfont": {"size": 12, "color": SOFT_INK},
        },
        f"yaxis{suffix}": {
            "domain": domain, "anchor": axes["xaxis"], "range": [panel, 0], "fixedrange": True,
            "tickvals": list(centers), "ticktext": [_row_label(study, which) for which in rows],
            "showgrid": False, "zeroline": False, "automargin": True, "ticklabelstandoff": 6,
            "tickfont": {"size": 12, "color": INK},
        },
    })


def _add_effect(
    figure: go.Figure, study: FlagStudy, effect: Effect, center: float, axes: dict[str, str]
) -> None:
    measure, is_main = effect.measure, len(effect.factors) == 1
    label = escape_label(label_of(study, effect.factors))
    if len(effect.parts) > 1:
        figure.add_scatter(
            x=[_place(measure, part.change) for part in effect.parts],
            y=[center] * len(effect.parts), mode="markers", **axes,
            marker={"symbol": "line-ns-open", "size": 9, "color": MUTED, "line": {"width": 1.5}},
            customdata=[f"{escape_label(' / '.join(part.names))}: "
                        f"{change_words(measure, part.change)}" for part in effect.parts],
            hovertemplate="%{customdata}<extra></extra>",
        )
    if effect.interval is not None:
        low, high = effect.interval
        figure.add_scatter(
            x=[_place(measure, low), _place(measure, high)], y=[center] * 2, mode="lines",
            line={"color": INK, "width": 3}, hoverinfo="skip", **axes,
        )
    figure.add_scatter(
        x=[_place(measure, effect.estimate or 0.0)], y=[center], mode="markers", **axes,
        marker={"symbol": "circle" if is_main else "diamond-open", "size": 9, "color": INK,
                "line": {"width": 2, "color": INK}},
        customdata=[f"{label}: {_text(effect)}"], hovertemplate="%{customdata}<extra></extra>",
    )


def _place(measure: str, change: float) -> float:
    return change if measure == DRIFT else math.exp(change)


def _axis(measure: str, effects: Sequence[Effect]) -> dict[str, Any]:
    """Return an axis that holds all effects and no change."""
    values = [0.0]
    for effect in effects:
        values += [part.change for part in effect.parts]
        values += list(effect.interval or ())
        values += [] if effect.estimate is None else [effect.estimate]
    low, high = min(values), max(values)
    if measure == DRIFT:
        pad = max(1.0, 0.06 * (high - low))
        return linear_axis(low - pad, high + pad, lambda v: format_tick(v).replace(
            "-", "\N{MINUS SIGN}"))
    pad = max(0.02, 0.06 * (high - low))
    ends = math.exp(low - pad), math.exp(high + pad)
    if high - low > math.log(3):
        return log_axis(*ends, lambda v: f"{v:g}{TIMES}")
    return linear_axis(*ends, lambda v: f"{v:g}{TIMES}")


def _text(effect: Effect) -> str:
    if effect.estimate is None:
        return "not known"
    if len(effect.factors) == 2:
        # Half a difference of differences: no one calls that smaller or faster.
        if effect.measure == DRIFT:
            return f"{effect.estimate:+.1f} dB".replace("-", "\N{MINUS SIGN}")
        return f"{TIMES} {math.exp(effect.estimate):.3g}"
    words = change_words(effect.measure, effect.estimate)
    return f"SQNR {words}" if effect.measure == DRIFT else words


def _lines(study: FlagStudy, which: tuple[int, ...]) -> list[str]:
    parts = [escape_label(part) for part in study.factors[which[0]].short]
    if len(which) == 2:
        second = [escape_label(part) for part in study.factors[which[1]].short]
        return [*parts, f"{TIMES} {second[0]}", *second[1:]]
    return [parts[0], *(f"+ {part}" for part in parts[1:])]


def _row_label(study: FlagStudy, which: tuple[int, ...]) -> str:
    return "<br>".join(_lines(study, which))


def _row_height(study: FlagStudy, which: tuple[int, ...]) -> int:
    return _LINE * len(_lines(study, which)) + 11


def _alt(study: FlagStudy) -> str:
    told = []
    for which in shown_effects(study):
        words = [_text(study.effect(measure, *which)) for measure in MEASURES]
        told.append(f"{label_of(study, which)}: {', '.join(words)}")
    return f"What each flag changes on size, latency and drift. {'; '.join(told)}."
