"""A gate's outcome as a Markdown table, for the page on which continuous integration shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from converter.comparison import Comparison, Variant
from converter.gate import Check

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&@:])")


def summary_table(comparison: Comparison, variant: Variant, checks: Sequence[Check]) -> str:
    """Return Markdown: a heading, one row for each bound, and the conditions.

    Names and errors are shown as text: what would be markup in them is escaped.

    Args:
        comparison: The run.
        variant: The one that was checked.
        checks: `gate_checks`'s answer.
    """
    outcome = "holds" if all(check.holds for check in checks) else "does not hold"
    lines = [
        f"### LiteDrift: {_text(variant.recipe)} of {_text(comparison.model.name)} {outcome}",
        "",
    ]
    if variant.status != "ok":
        lines += [f"The variant failed: {_text(variant.error or 'no reason given')}", ""]
    lines += ["| bound | asked | found | holds |", "|---|---|---|---|"]
    for check in checks:
        if check.name == "status":
            continue
        cells = (check.name, check.asked, check.found, "yes" if check.holds else "**no**")
        lines.append(f"| {_text(cells[0])} | {_text(cells[1])} | {_text(cells[2])} | {cells[3]} |")
    data, environment = comparison.data, comparison.environment
    source = "random samples" if data.source == "random" else f"samples of {data.name}"
    cpu, threads = environment.get("cpu", "unknown"), environment.get("threads", "unknown")
    where = f"{data.evaluation_samples} {source}; {threads} thread(s) on {cpu}"
    return "\n".join([*lines, "", f"Measured on {_text(where)}.", ""])


def append_summary(path: Path, table: str) -> None:
    """Append a table to a file, which may hold those of other steps.

    Raises:
        OSError: When it cannot be written.
    """
    with path.open("a", encoding="utf-8", errors="replace") as stream:
        stream.write(table + "\n")


def _text(value: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(value.split())[:300])
