"""Puts the parts of a report into one HTML document that asks the network for nothing.

Every value goes through Jinja's escaping, and first through `visible_text`: what stands in a file
is text, never markup. The scripts are allowed by their hashes and nothing else is, so that even
markup that slipped through could not run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from components.format import format_count, format_date, shorten
from components.palette import custom_names, recipe_color
from components.report.charts import chart_json, list_charts
from components.report.conditions import condition_lists
from components.report.gaps import format_owners, list_gaps, list_limits
from components.report.headline import headline_figures, headline_variant
from components.report.tables import figure_tables, output_tables
from components.report.variant_cards import variant_cards
from components.visible_text import visible_text
from converter.comparison import Comparison, Variant
from converter.verdict import RULE, judge

_FOLDER = Path(__file__).parent
_MOST_CHARACTERS = 1000
"""Of one text: a name inside a sentence may be as long as a file, a page must not be."""
_TONES = {"good": "Recommended", "caution": "With caution", "measured": "Measured as it is",
          "bad": "Nothing runs here"}


def render_document(
    comparison: Comparison, samples_ms: Mapping[str, np.ndarray], link: str | None
) -> str:
    """Return the whole document; arguments as for `build_report`."""
    verdict = judge(comparison)
    variant = headline_variant(comparison, verdict)
    charts = list_charts(comparison, samples_ms)
    scripts = [Markup(get_plotlyjs()), Markup((_FOLDER / "report.js").read_text())]  # noqa: S704
    return _environment().get_template("report.html").render(
        policy=_content_policy(scripts), plotly=scripts[0], script=scripts[1],
        style=Markup((_FOLDER / "report.css").read_text()),  # noqa: S704 - our own file
        model=comparison.model, data=comparison.data, link=_safe_link(link),
        title=shorten(visible_text(comparison.model.name), 80),
        facts=_facts(comparison), verdict=verdict, tone=_TONES.get(verdict.tone, verdict.tone),
        rule=RULE, variant=variant, headline_color=_color(comparison, variant),
        headline=[] if variant is None else headline_figures(comparison, variant, samples_ms),
        charts=charts, chart_data=Markup(chart_json(charts)),  # noqa: S704 - escaped for scripts
        tables=figure_tables(comparison), output_tables=output_tables(comparison),
        cards=variant_cards(comparison), conditions=condition_lists(comparison),
        notes=[*comparison.model.notes, *comparison.data.notes, *comparison.reference.notes],
        gaps=[(gap.title, format_owners(gap.owners, comparison), gap.reason)
              for gap in list_gaps(comparison)],
        limits=list_limits(comparison),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )
    environment.filters["lines"] = _lines
    return environment


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = visible_text(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"


def _lines(text: str) -> Markup:
    """Return text of several lines, each escaped and with nothing unseen in it."""
    shown = [visible_text(line) for line in text.splitlines()]
    return Markup("\n").join(escape(line) for line in shown)


def _content_policy(scripts: list[Markup]) -> str:
    """Return a policy under which only these scripts run and nothing is fetched."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _safe_link(link: str | None) -> str | None:
    """Return an address that a browser may open; None for a script in the shape of a link."""
    if link is None:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in ("http", "https") and parts.netloc else None


def _facts(comparison: Comparison) -> list[str]:
    """Return what a reader must know before any figure, in a few words each."""
    data, environment = comparison.data, comparison.environment
    threads = environment.get("threads", 1)
    kind = "random samples" if data.source == "random" else f"samples of {data.name}"
    return [
        format_date(comparison.created),
        f"{format_count(data.evaluation_samples)} {kind}",
        f"{threads} thread{'s' if threads != 1 else ''}",
        f"batch {comparison.settings.get('batch') or 1}",
        str(environment.get("cpu", "unknown CPU")),
    ]


def _color(comparison: Comparison, variant: Variant | None) -> str:
    names = [each.recipe for each in comparison.variants]
    return "" if variant is None else recipe_color(variant.recipe, custom_names(names))
