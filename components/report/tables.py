"""All figures of all variants, in tables that are narrow enough for a sheet of paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from components.format import (
    MISSING,
    format_bytes,
    format_count,
    format_db,
    format_error,
    format_ms,
    format_percent,
    format_points,
    format_ratio,
)
from components.palette import custom_names, recipe_color
from components.report.headline import agreement_interval, format_interval
from converter.accuracy import Accuracy
from converter.comparison import REFERENCE, Comparison, Variant
from converter.drift import Drift
from converter.latency import LatencyStats
from converter.verdict import size_ratio, speed_ratio

Column = tuple[str, Callable[[Any], str]]


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One model's figures.

    Attributes:
        name: The recipe's name, or `original`.
        color: Its colour in the charts, as `#rrggbb`.
        cells: One text for each column; empty where there is nothing to say but `absence`.
        absence: Why there are no figures.
        failed: Whether `absence` is a failure with its reason.
        second: A second heading, such as an output's name; empty for none.
    """

    name: str
    color: str
    cells: list[str] = field(default_factory=list)
    absence: str = ""
    failed: bool = False
    second: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of figures; `second` heads the rows' second heading, empty for none."""

    title: str
    note: str
    columns: list[str]
    rows: list[TableRow]
    second: str = ""


def figure_tables(comparison: Comparison) -> list[Table]:
    """Return the tables for which there are figures; the original is each one's first row."""
    reference = comparison.reference
    drifts = [v.drift for v in comparison.variants]
    tables = [_size_table(comparison)]
    if reference.latency or any(v.latency for v in comparison.variants):
        tables.append(_latency_table(comparison))
    if any(drifts):
        tables.append(_table(
            comparison, "Drift",
            f"Against the outputs of {comparison.original}"
            + ("; of several outputs the worst, figure by figure." if _outputs(comparison) > 1
               else "."),
            _drift_columns([d for d in drifts if d]), [], drifts,
            original="the reference"))
    if any(d is not None and d.top1_agreement is not None for d in drifts):
        tables.append(_table(
            comparison, "Agreement on the top class",
            "With its Wilson score interval. Samples: those on which the original has one top "
            "class. Ties: samples on which several classes share the variant's top score.",
            _AGREEMENT, [], drifts, original="the reference"))
    found = [reference.accuracy, *(v.accuracy for v in comparison.variants)]
    if any(found):
        columns = _accuracy_columns([a for a in found if a])
        tables.append(_table(comparison, "Against the labels", _label_note(found), columns,
                             _cells(columns, reference.accuracy), found[1:]))
    if any(v.audit.total_ops for v in comparison.variants):
        tables.append(_operator_table(comparison))
    return tables


def output_tables(comparison: Comparison) -> list[Table]:
    """Return drift, and accuracy where there are labels, of each output of a model with several."""
    if _outputs(comparison) < 2:
        return []
    styles = _Styles(comparison)
    drifts = [(v.recipe, name, drift) for v in comparison.variants
              for name, drift in v.output_drift.items()]
    found = [
        (owner, name, a)
        for owner, outputs in [
            (REFERENCE, comparison.reference.output_accuracy),
            *((v.recipe, v.output_accuracy) for v in comparison.variants),
        ]
        for name, a in outputs.items()
    ]
    tables = []
    for title, entries, columns in (
        ("Drift of each output", drifts, _drift_columns([d for _, _, d in drifts])),
        ("Agreement on the top class of each output",
         [entry for entry in drifts if entry[2].top1_agreement is not None], _AGREEMENT),
        ("Each output against its labels", found, _accuracy_columns([a for _, _, a in found])),
    ):
        if entries:
            tables.append(Table(
                title=title, note="", columns=[name for name, _ in columns], second="Output",
                rows=[TableRow(name=owner, color=styles.color(owner), second=output,
                               cells=_cells(columns, value))
                      for owner, output, value in entries],
            ))
    return tables


class _Styles:
    """The colours of the models, as in every chart."""

    def __init__(self, comparison: Comparison) -> None:
        self._custom = custom_names([variant.recipe for variant in comparison.variants])

    def color(self, name: str) -> str:
        return recipe_color(name, self._custom)


def variant_absence(variant: Variant) -> str:
    """Return in two words why a variant has no figures."""
    if variant.status != "ok":
        return "failed"
    return "not measured" if variant.runnable else "not run here"


def failure(variant: Variant) -> str:
    """Return why a variant failed, without its name before it."""
    return (variant.error or "no reason was recorded.").removeprefix(f"{variant.recipe}: ")


def _outputs(comparison: Comparison) -> int:
    return max([len(comparison.model.outputs), *(len(v.output_drift) for v in comparison.variants)])


def _table(
    comparison: Comparison, title: str, note: str, columns: Sequence[Column], own: list[str],
    others: Sequence[object], original: str = "not measured",
) -> Table:
    """Return a table; `own` are the original's cells, `others` what each variant's are read of."""
    styles = _Styles(comparison)
    first = TableRow(name=REFERENCE, color=styles.color(REFERENCE), absence=original,
                     cells=own)
    rows = [
        TableRow(name=variant.recipe, color=styles.color(variant.recipe),
                 absence=variant_absence(variant),
                 cells=_cells(columns, value))
        for variant, value in zip(comparison.variants, others, strict=True)
    ]
    return Table(title=title, note=note, columns=[name for name, _ in columns], rows=[first, *rows])


def _cells(columns: Sequence[Column], value: object) -> list[str]:
    return [] if value is None else [read(value) for _, read in columns]


def _size_table(comparison: Comparison) -> Table:
    model, reference = comparison.model, comparison.reference
    columns: list[Column] = [
        ("Status", lambda v: "size only" if not v.runnable else "ok"),
        ("Size", lambda v: format_bytes(v.size_bytes)),
        ("Bytes", lambda v: format_count(v.size_bytes)),
        ("gzip", lambda v: format_bytes(v.gzip_bytes)),
        ("Smaller", lambda v: format_ratio(size_ratio(comparison, v))),
        ("Convert", lambda v: _seconds(v.convert_seconds)),
        ("Peak memory", lambda v: format_bytes(v.peak_memory_bytes)),
        ("Runtime alone", lambda v: format_bytes(v.runtime_memory_bytes)),
    ]
    size = model.size_without_optimizer_bytes
    own = [
        "baseline", format_bytes(size), format_count(size), format_bytes(model.baseline_gzip_bytes),
        format_ratio(1.0), MISSING, format_bytes(reference.peak_memory_bytes),
        format_bytes(reference.runtime_memory_bytes),
    ]
    table = _table(
        comparison, "Size, conversion and memory",
        "Smaller: the original's bytes, optimizer state left out, over this one's. Peak memory: "
        "resident, of a fresh process that loads and runs the file once; runtime alone: before.",
        columns, own, [v if v.status == "ok" else None for v in comparison.variants])
    # The first table says why; the others only that.
    rows = [
        replace(row, absence=f"failed: {failure(variant)}", failed=True)
        if variant.status != "ok" else row
        for row, variant in zip(table.rows[1:], comparison.variants, strict=True)
    ]
    return replace(table, rows=[table.rows[0], *rows])


def _latency_table(comparison: Comparison) -> Table:
    columns: list[Column] = [
        ("p50", lambda pair: format_ms(pair[0].p50_ms)),
        ("p90", lambda pair: format_ms(pair[0].p90_ms)),
        ("p99", lambda pair: format_ms(pair[0].p99_ms)),
        ("Mean ± SD", lambda pair: _mean(pair[0])),
        ("Faster", lambda pair: format_ratio(pair[1])),
        ("Load", lambda pair: format_ms(pair[0].init_ms)),
        ("First", lambda pair: format_ms(pair[0].first_ms)),
        ("Runs", lambda pair: f"{format_count(pair[0].runs)} after {pair[0].warmup_runs}"),
        ("Threads", lambda pair: str(pair[0].threads)),
    ]
    own = comparison.reference.latency
    return _table(
        comparison, "Latency",
        "Of one inference. Faster: the original's median over this one's; below 1 is slower. "
        "Runs: timed ones after so many warm-ups. SD: standard deviation of single runs.",
        columns, _cells(columns, own and (own, 1.0)),
        [v.latency and (v.latency, speed_ratio(comparison, v)) for v in comparison.variants])


def _drift_columns(drifts: Sequence[Drift]) -> list[Column]:
    columns: list[Column] = [
        ("SQNR", lambda d: format_db(d.sqnr_db)),
        ("Max error", lambda d: format_error(d.max_abs_error)),
    ]
    if any(d.max_abs_error_lsb is not None for d in drifts):
        columns.append(("In steps", lambda d: _steps(d.max_abs_error_lsb)))
    columns += [
        ("Mean error", lambda d: format_error(d.mean_abs_error)),
        ("RMSE", lambda d: format_error(d.rmse)),
        ("Cosine", lambda d: _cosine(d.cosine_similarity)),
        ("Worst cosine", lambda d: _cosine(d.worst_cosine_similarity)),
    ]
    return [*columns, ("NaN or Inf", lambda d: format_count(d.non_finite_count))]


_AGREEMENT: list[Column] = [
    ("Agrees", lambda d: format_percent(d.top1_agreement)),
    ("95 % interval", lambda d: format_interval(agreement_interval(d)) or MISSING),
    ("Samples", lambda d: format_count(d.top1_samples)),
    ("Ties", lambda d: format_count(d.top1_ties)),
]


def _accuracy_columns(found: Sequence[Accuracy]) -> list[Column]:
    columns: list[Column] = []
    if any(a.top1 is not None for a in found):
        columns += [
            ("Accuracy", lambda a: format_percent(a.top1)),
            ("95 % interval", lambda a: format_interval(a.ci95) or MISSING),
            ("Change", lambda a: format_points(a.delta)),
        ]
    if any(a.top1 is None for a in found):
        columns += [("RMSE", lambda a: _number(a.rmse)), ("MAE", lambda a: _number(a.mae)),
                    ("R²", lambda a: _number(a.r2))]
    return [*columns, ("Samples", lambda a: format_count(a.samples))]


def _label_note(found: Sequence[Accuracy | None]) -> str:
    if any(a is not None and a.top1 is not None for a in found):
        return ("Top-1 accuracy with its Wilson score interval; change: percentage points against "
                "the original.")
    return "In the units of the labels."


def _operator_table(comparison: Comparison) -> Table:
    columns: list[Column] = [
        ("Operators", lambda a: format_count(a.total_ops)),
        ("Integer", lambda a: format_count(a.integer_ops)),
        ("Float", lambda a: format_count(a.float_ops)),
        ("Integer weights", lambda a: format_count(a.hybrid_ops)),
        ("Quantize", lambda a: format_count(a.border_ops)),
        ("Flex", lambda a: format_count(a.flex_ops)),
        ("Custom", lambda a: format_count(a.custom_ops)),
    ]
    return _table(
        comparison, "Operators in the file",
        "Integer weights: float operators whose weights are stored as integers. Quantize: between "
        "float and integer. Flex: TensorFlow operators.",
        columns, [], [v.audit if v.audit.total_ops else None for v in comparison.variants],
        original="not converted")


def _mean(stats: LatencyStats) -> str:
    return f"{format_ms(stats.mean_ms)} ± {format_ms(stats.stdev_ms)}"


def _seconds(value: float | None) -> str:
    return MISSING if value is None or math.isnan(value) else f"{value:.2f} s"


def _steps(value: float | None) -> str:
    if value is None or math.isnan(value):
        return MISSING
    return f"{value:.1f}" if math.isfinite(value) else format_error(value)


def _cosine(value: float | None) -> str:
    if value is None or math.isnan(value):
        return MISSING if value is None else "NaN"
    # What is not exactly 1 must not be rounded up to it.
    return "1" if value == 1 else f"{min(value, 0.999999):.6f}"


def _number(value: float | None) -> str:
    if value is None:
        return MISSING
    return f"{value:.4g}" if math.isfinite(value) else format_error(value)
