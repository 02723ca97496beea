"""The style sheet that keeps text in charts readable on an open page whose theme changes."""

from __future__ import annotations

CHART_STYLE = """<style>
.stPlotlyChart :is(
  [style*="fill: rgb(38, 39, 48)"], [style*="fill: rgb(250, 250, 250)"]
):is(text, tspan) { fill: currentColor !important; }
.stPlotlyChart :is(
  [style*="fill: rgb(128, 132, 149)"], [style*="fill: rgb(230, 234, 241)"]
):is(text, tspan) { fill: currentColor !important; fill-opacity: .72 !important; }
.stPlotlyChart :is(
  [style*="fill: rgb(255, 255, 255)"], [style*="fill: rgb(16, 22, 29)"]
):is(rect.bg) { fill: light-dark(rgb(255, 255, 255), rgb(16, 22, 29)) !important; }
</style>"""
"""Streamlit's front end puts the theme's colours in once, when a chart is first drawn: on a page
that stays open while the theme changes they stay, dark on dark. What it put in for `INK` (first
rule), `SOFT_INK` and `GROUND` of `figures/ink.py`, in light and in dark, follows the page by this.
Its own `SOFT_INK` has a contrast of 3.7 on white besides, where 4.5 is needed to read it."""
