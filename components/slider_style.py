"""The style sheet that makes a slider's value readable on dark: it is in the buttons' colour."""

from __future__ import annotations

SLIDER_STYLE = """<style>
[data-testid="stSliderThumbValue"] { color: light-dark(#0B7285, #5CC3D6); }
</style>"""
"""The primary colour has a contrast of 3.9 on the dark ground, where 4.5 is needed to read it; it
cannot be lighter, because white text stands on it in buttons. On dark this is the links' colour."""
