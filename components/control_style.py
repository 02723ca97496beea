"""The style sheet that makes controls readable whose colour Streamlit takes from buttons."""

from __future__ import annotations

CONTROL_STYLE = """<style>
[data-testid="stSliderThumbValue"] { color: light-dark(#0B7285, #5CC3D6); }
button[kind="tertiary"]:is(:active, [aria-expanded="true"]) {
    color: light-dark(#0B7285, #5CC3D6);
}
</style>"""
"""A slider's value has the primary colour, which has a contrast of 3.9 on the dark ground, where
4.5 is needed to read it; it cannot be lighter, because white text stands on it in buttons. A plain
button has it darkened while it is held or its popover is open: nearly black on dark. On dark both
get the links' colour."""
