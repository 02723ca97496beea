"""A finished comparison as one HTML file that needs nothing else: no server, no network, no fonts.

Pure: no Streamlit. Plotly and Jinja2 are loaded when a report is built, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from converter.comparison import Comparison

REPORT_FILE = "report.html"


def build_report(
    comparison: Comparison, samples_ms: Mapping[str, np.ndarray], *, link: str | None = None
) -> str:
    """Return a comparison as a self-contained HTML document.

    Args:
        comparison: The run's result.
        samples_ms: Raw latency samples in milliseconds by recipe and `original`, each of shape
            `(runs,)`, from `load_latency_samples`; may be empty.
        link: Address of the same comparison in the dashboard, where readers of the file can reach
            it. Only http and https become a link; any other is left out.
    """
    from components.report.document import render_document

    return render_document(comparison, samples_ms, link)
