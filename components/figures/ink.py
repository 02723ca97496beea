"""Colours of text, lines and ground that follow the reader's light or dark theme.

Streamlit's front end replaces these placeholders (`streamlit_plotly_theme.py`) by the theme's
own colours; elsewhere they are near black, which suits a white page. A test holds that the
installed Streamlit still knows them.
"""

from __future__ import annotations

SOFT_INK = "#000036"
INK = "#000037"
GROUND = "#000038"
GRID = "rgba(128, 140, 152, 0.22)"
MUTED = "#76808D"
"""A grey that reads on both grounds, for baselines."""
