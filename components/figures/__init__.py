"""Charts of a comparison: pure functions that return `plotly.Figure`, without Streamlit.

Every figure carries a text that says what it shows in `layout.meta["alt"]`, and the original
TensorFlow model as its baseline.
"""
