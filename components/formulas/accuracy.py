"""The formulas of accuracy against labels, and of the paired test against the original."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math

from components.format import format_count, format_error, format_percent, format_points
from components.formulas.formula import NOT_STORED, Formula, ratio, root_mean, signed, term
from converter.accuracy import Accuracy
from converter.intervals import Z95
from converter.paired_test import MCNEMAR, Z_POWER, PairedTest


def accuracy_formulas(
    own: Accuracy | None, base: Accuracy | None = None, owner: str = ""
) -> list[Formula]:
    """Return a model's accuracy figures; those that its task does not have are left out.

    Args:
        own: The model's; None gives nothing.
        base: The original's, for the change.
        owner: What the model is called beside others.
    """
    if own is None:
        return []
    found = [*_shares(own, base), *_of_classes(own), *_of_values(own)]
    if own.paired is not None:
        found += _paired(own.paired)
    return [Formula(key=key, worked=worked, note=note, owner=owner) for key, worked, note in found]


_Found = list[tuple[str, str, str]]


def _shares(own: Accuracy, base: Accuracy | None) -> _Found:
    found: _Found = []
    for key in ("top1", "top5"):
        share = getattr(own, key)
        if share is not None:
            worked = ratio(share * own.samples, own.samples, format_percent(share))
            found.append((key, worked, _interval(own, key)))
    if own.top1 is not None and base is not None and base.top1 is not None and own is not base:
        worked = (f"{term(own.top1)} − {term(base.top1)} = {format_points(own.top1 - base.top1)}"
                  if own.top1 != base.top1 else "no change")
        found.append(("delta", worked, ""))
    return found


def _of_classes(own: Accuracy) -> _Found:
    found: _Found = []
    terms = own.terms
    if own.macro_f1 is not None:
        worked, note = f"{own.macro_f1:.3f}", NOT_STORED
        if terms.get("f1_classes"):
            worked = ratio(terms["f1_sum"], terms["f1_classes"], worked)
            note = _interval(own, "macro_f1")
        found.append(("macro_f1", worked, note))
    if own.auc is not None:
        worked, note = f"{own.auc:.3f}", NOT_STORED
        if terms.get("auc_pairs"):
            worked = ratio(terms["auc_above"], terms["auc_pairs"], worked)
            note = _interval(own, "auc")
        found.append(("auc", worked, note))
    error = own.expected_calibration_error
    if error is not None:
        worked, note = format_percent(error), NOT_STORED
        if "calibration_gaps" in terms:
            worked, note = ratio(terms["calibration_gaps"], own.samples, worked), "15 bins"
        found.append(("expected_calibration_error", worked, note))
    return found


def _of_values(own: Accuracy) -> _Found:
    found: _Found = []
    terms = own.terms
    values = terms.get("values")
    if own.mae is not None:
        worked, note = format_error(own.mae), NOT_STORED
        if values:
            worked, note = ratio(terms["absolute_sum"], values, worked), _interval(own, "mae")
        found.append(("mae", worked, note))
    if own.rmse is not None:
        worked, note = root_mean(terms.get("square_sum"), values, own.rmse)
        found.append(("accuracy_rmse", worked, note or _interval(own, "rmse")))
    if own.r2 is not None:
        worked, note = f"{own.r2:.3f}", NOT_STORED
        if terms.get("target_square_sum"):
            worked = (f"1 − {term(terms['square_sum'])} / {term(terms['target_square_sum'])} = "
                      f"{own.r2:.3f}")
            note = _interval(own, "r2")
        found.append(("r2", worked, note))
    return found


def _paired(test: PairedTest) -> _Found:
    low, high = test.ci95
    needed = test.samples_needed
    if test.method != MCNEMAR:
        half = (high - low) / 2 / Z95
        worked = f"{test.p_value:.2g}"
        if half > 0 and math.isfinite(half):
            worked = f"erfc(|{term(test.difference)}| / {term(half)} / √2) = {test.p_value:.2g}"
        return [
            ("paired_z_value", worked, f"{format_count(test.samples)} samples"),
            ("paired_difference", signed(format_error(test.difference)),
             f"95 % interval {format_error(low)} to {format_error(high)}"),
        ]
    differ, least = test.lost + test.won, min(test.lost, test.won)
    found = [
        ("paired_p_value",
         f"min(1, 2 · P(X ≤ {least})), X ~ B({differ}, ½) = {test.p_value:.2g}",
         f"{test.lost:,} turned wrong, {test.won:,} right"),
        ("paired_difference",
         ratio(test.won - test.lost, test.samples, format_points(test.difference)),
         f"95 % interval {format_points(low)} to {format_points(high)}"),
    ]
    if needed is not None:
        d, difference = differ / test.samples, (test.won - test.lost) / test.samples
        found.append((
            "samples_needed",
            f"⌈(({Z95:.6f}·√{term(d)} + {Z_POWER:.6f}·√({term(d)} − {term(abs(difference))}²)) / "
            f"{term(abs(difference))})²⌉ = {needed:,}",
            "two-sided at 5 %, power 80 %",
        ))
    return found


def _interval(own: Accuracy, name: str) -> str:
    bounds = own.intervals.get(name)
    if bounds is None:
        bounds = own.ci95 if name == "top1" else None
    if bounds is None:
        return ""
    low, high = bounds
    if name in {"top1", "top5"}:
        return f"95 % interval {format_percent(low)} to {format_percent(high)}"
    return f"95 % interval {low:.3g} to {high:.3g}"
