"""The formulas of what single samples did: errors, scores, margins, flips, limits of agreement."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import numpy as np

from components.format import format_count, format_error, format_percent
from components.formulas.formula import Formula, ratio, signed, term
from converter.sample_differences import SampleDifferences
from converter.sample_file import OutputSamples


def sample_formulas(output: OutputSamples, chosen: SampleDifferences) -> list[Formula]:
    """Return the formulas of the columns of the samples' table, with its first row put in.

    Args:
        output: What the output did.
        chosen: The samples in the order shown, at least one.
    """
    owner = f"row {int(chosen.row[0])}"
    error = float(chosen.error[0])
    if not output.classes:
        y, r = float(chosen.variant_value[0]), float(chosen.reference_value[0])
        worked = f"|{term(y)} − {term(r)}| = {format_error(error)}" if np.isfinite(error) \
            else format_error(error)
        return [Formula(key="sample_error", worked=worked, owner=owner)]
    found = [Formula(key="sample_error", worked=format_error(error), owner=owner,
                     note="of all scores of the sample; single scores are not kept")]
    for model in ("reference", "variant"):
        score = float(getattr(chosen, f"{model}_confidence")[0])
        margin = float(getattr(chosen, f"{model}_margin")[0])
        whose = f"{owner}, {'original' if model == 'reference' else 'variant'}"
        known = np.isfinite(score) and np.isfinite(margin)
        found += [
            Formula(key="sample_score", worked=f"{score:.4f}" if known else "", owner=whose),
            Formula(
                key="sample_margin", owner=whose,
                worked=f"{term(score)} − {term(score - margin)} = {margin:.4f}" if known else "",
            ),
        ]
    return [*found, _flips(output)]


def _flips(output: OutputSamples) -> Formula:
    flips, kept = int(np.count_nonzero(output.differences.flipped)), len(output.differences)
    note = "" if kept == output.samples else f"of {format_count(kept)} samples that are kept"
    return Formula(
        key="flips", note=note,
        worked=ratio(flips, output.samples, format_percent(flips / max(1, output.samples))),
    )


def distribution_formulas(output: OutputSamples) -> list[Formula]:
    """Return the formulas of the distributions' figures; none where no pair is finite."""
    facts = output.distribution
    if facts["limits"] is None:
        return []
    bias, deviation, (low, high) = facts["bias"], facts["deviation"], facts["limits"]
    pairs = f"{format_count(facts['pairs'])} pairs of values"
    found = [
        Formula(key="bias", worked=signed(format_error(bias)), note=f"mean of {pairs}"),
        Formula(
            key="limits", note=pairs,
            worked=f"{term(bias)} − 1.96 · {term(deviation)} = {signed(format_error(low))}; "
                   f"{term(bias)} + 1.96 · {term(deviation)} = {signed(format_error(high))}",
        ),
    ]
    return [*found, *_recalls(output)]


def _recalls(output: OutputSamples) -> list[Formula]:
    """Put in the class of which the variant gets fewest right."""
    facts = output.per_class
    if facts is None or not facts["class"]:
        return []
    place = int(np.argmin(facts["variant"]))
    samples = facts["samples"][place]
    return [
        Formula(
            key="class_recall", owner=f"class {int(facts['class'][place])}, {whose}",
            worked=ratio(facts[model][place] * samples, samples,
                         format_percent(facts[model][place])),
        )
        for model, whose in (("reference", "original"), ("variant", "variant"))
    ]
