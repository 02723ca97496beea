"""The formulas of a calibration study: draws, halves, clipping."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math
import statistics

from components.format import format_db, format_percent
from components.formulas.formula import Formula, ratio, term
from converter.calibration_findings import CalibrationStudy, Clipping, Halves


def draw_formulas(study: CalibrationStudy) -> list[Formula]:
    """Return the formula of the line through the draws, with the most samples put in."""
    known = [p for p in study.points if p.sqnr_db is not None and math.isfinite(p.sqnr_db)]
    if not known:
        return [Formula(key="calibration_sqnr_db")]
    most = max(point.samples for point in known)
    values = [point.sqnr_db or 0.0 for point in known if point.samples == most]
    draws = "; ".join(term(value) for value in values)
    return [Formula(
        key="calibration_sqnr_db", owner=f"{most} samples",
        worked=f"median({draws}) = {format_db(statistics.median(values))}",
        note=f"{len(values)} draws; the sums behind each are not kept",
    )]  # fmt: skip


def halves_formulas(halves: Halves) -> list[Formula]:
    """Return the formulas of the two halves."""
    first, second = halves.first.sqnr_db, halves.second.sqnr_db
    known = first is not None and second is not None and math.isfinite(first - second)
    gap = Formula(key="halves_gap_db")
    if known and first is not None and second is not None:
        gap = Formula(
            key="halves_gap_db",
            worked=f"{term(first)} − {term(second)} = {format_db(first - second)}".replace(
                "− −", "+ "),
            note="the sums behind each are not kept",
        )
    between = halves.between_db
    found = [gap, Formula(
        key="between_db", worked="" if between is None else format_db(between),
        note="" if between is None else "its sums are not kept",
    )]  # fmt: skip
    if halves.tensors:
        worst = halves.tensors[0]
        larger, smaller = max(worst.first, worst.second), min(worst.first, worst.second)
        found.append(Formula(key="scale_ratio", owner=worst.name[-48:],
                             worked=ratio(larger, smaller, f"{worst.ratio:.3g}")))
    return found


def clipping_formulas(clipping: Clipping) -> list[Formula]:
    """Return the formulas of values beyond the ranges, with the tensor that clips most put in."""
    share = clipping.clipped / max(1, clipping.compared)
    found = [Formula(key="clipping_share",
                     worked=ratio(clipping.clipped, clipping.compared, format_percent(share)))]
    if clipping.tensors:
        worst = clipping.tensors[0]
        found.append(Formula(
            key="clipped", owner=worst.name[-48:], note="below and above",
            worked=f"{term(worst.clipped_low)} + {term(worst.clipped_high)} = "
                   f"{format_percent(worst.clipped, 3)}",
        ))  # fmt: skip
    return found
