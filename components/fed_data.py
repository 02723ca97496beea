"""What the model is fed: the values in the file beside those in calibration, and a few images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from components.format import format_count, shorten
from components.plain_text import code_span, escape_markdown, show_warning, visible_text
from components.session import widget_key

if TYPE_CHECKING:
    from components.figures.distribution import Panel

SHOWN_INPUTS = 3
"""Inputs whose charts are shown at once; of more, one is chosen."""
_CONFIG = {"showSendToCloud": False, "displaylogo": False, "displayModeBar": False}
_MOST_WARNINGS = 12
_CELL = 80
"""Pixels of a picture's longer side, as `image_preview` makes it."""
# Pictures come from a child that has read a stranger's file: only a small PNG is passed on.
_PNG = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]{20,200000}={0,2}")


def render_fed_data(facts: dict[str, Any] | None) -> None:
    """Show charts and pictures of what the model is fed; nothing for random samples.

    Args:
        facts: `inspect_data_file`'s answer.
    """
    distributions = (facts or {}).get("distributions") or []
    if facts is None or not distributions:
        return
    # Plotly's graph objects take their time to import: only where a chart is drawn.
    from components.figures.distribution import file_panels

    st.header("What the model is fed", anchor=False)
    split = facts["split"]
    st.caption(
        f"A run with the default settings draws {format_count(split['calibration'])} samples to "
        f"calibrate on and {format_count(split['evaluation'])} others to evaluate; none is both."
    )
    _render_warnings(facts.get("warnings") or [])
    preview = facts.get("preview") or {"pictures": []}
    chosen = _chosen(distributions)
    cards = len(chosen) + bool(preview["pictures"])
    with st.grid(2 if cards > 1 else 1, min_column_width=340, gap="small"):
        for distribution in chosen:
            render_distribution(
                str(distribution["name"]), file_panels(distribution), page="model"
            )
        if preview["pictures"]:
            _render_preview(preview)


def render_distribution(name: str, panels: Sequence[Panel], *, page: str) -> None:
    """Show an input's histograms in a card: side by side where there is room, else stacked.

    Args:
        name: The input's name.
        panels: From `file_panels` or `split_panels`.
        page: The page, for the charts' keys.
    """
    from components.figures.distribution import build_distribution_figures

    with st.container(border=True, gap="small", height="stretch"):
        st.subheader(f"Values of {code_span(shorten(name, 40))}", anchor=False)
        with st.grid(2, min_column_width=260, gap="small"):
            figures = build_distribution_figures(name, panels)
            for place, (panel, figure) in enumerate(zip(panels, figures, strict=True)):
                with st.container(gap="xxsmall"):
                    st.markdown(f':color[■]{{foreground="{panel.color}"}} '
                                f"{escape_markdown(panel.heading)}")
                    st.caption(escape_markdown(panel.figures) or "\N{NO-BREAK SPACE}")
                    st.plotly_chart(figure, config=_CONFIG, alt=figure.layout.meta["alt"],
                                    key=widget_key(page, f"fed.{name}.{place}"))


def _render_warnings(warnings: Sequence[str]) -> None:
    """Show all in one box: a wall of boxes is read by nobody."""
    if len(warnings) == 1:
        show_warning(warnings[0])
    elif warnings:
        lines = [f"- {escape_markdown(warning)}" for warning in warnings[:_MOST_WARNINGS]]
        left_out = len(warnings) - len(lines)
        lines += [f"- and {left_out} more"] if left_out else []
        st.warning("\n".join(lines), icon=":material/warning:")


def _chosen(distributions: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    if len(distributions) <= SHOWN_INPUTS:
        return distributions
    names = [shorten(visible_text(distribution["name"]), 80) for distribution in distributions]
    place = st.selectbox("Input", range(len(names)), key=widget_key("model", "fed_input"),
                         format_func=names.__getitem__)
    return [distributions[place or 0]]


def _render_preview(preview: dict[str, Any]) -> None:
    pictures = preview["pictures"]
    is_pair = any(picture["original"] for picture in pictures)
    how = preview["how"]
    with st.container(border=True, gap="small", height="stretch"):
        st.subheader("Images as the model gets them", anchor=False)
        st.caption(escape_markdown(
            f"Left: in the file. Right: what the model gets{', ' if how else ''}{how}." if is_pair
            else f"Samples of the input, {how}."
        ))
        width = 2 * _CELL + 8 if is_pair else _CELL
        with st.container(horizontal=True, gap="small"):
            for picture in pictures:
                with st.container(width=width, gap="xxsmall"):
                    _render_picture(picture)


def _render_picture(picture: dict[str, Any]) -> None:
    caption = visible_text(picture["caption"]) or f"sample {picture['sample'] + 1}"
    with st.container(horizontal=True, gap="xsmall"):
        for kind, role in (("original", "in the file"), ("fed", "as the model gets it")):
            encoded = picture[kind]
            if isinstance(encoded, str) and _PNG.fullmatch(encoded):
                st.image(f"data:image/png;base64,{encoded}", alt=f"{caption}, {role}")
    st.caption(escape_markdown(shorten(caption, 32)))
