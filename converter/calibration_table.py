"""A study of a variant's calibration as plain text, for the command line."""

from __future__ import annotations

import statistics

from converter.calibration_findings import CalibrationStudy, Clipping


def format_study(study: CalibrationStudy) -> str:
    """Return a study as plain text, for the command line."""
    lines = [
        f"{study.recipe}: calibrated with up to {study.calibration_samples} samples, judged on "
        f"{study.evaluation_samples} others (seed {study.seed})",
        "samples  draws  mean SQNR dB  range dB         least agreement",
    ]
    lines += [_line_of(study, count) for count in dict.fromkeys(p.samples for p in study.points)]
    lines += [
        f"not measured: {p.samples} samples, draw {p.draw + 1}: {_plain(p.problem)}"
        for p in study.points
        if p.problem
    ]
    halves = study.halves
    if halves is not None:
        between = "-" if halves.between_db is None else f"{halves.between_db:.2f} dB"
        lines += [
            "",
            f"Two disjoint halves of {halves.samples}: their outputs differ by {between} SQNR; the "
            f"scales of {halves.compared} tensors, farthest apart first:",
            *(f"  {each.ratio:.3f} times  {_plain(each.name)}" for each in halves.tensors[:5]),
        ]
    lines += _clipping_lines(study.clipping)
    if study.is_variant is not None:
        word = "holds what" if study.is_variant else "differs from what"
        lines += ["", f"The file from all samples {word} the run's own variant holds."]
    return "\n".join([*lines, *(f"note: {note}" for note in study.notes)])


def _line_of(study: CalibrationStudy, count: int) -> str:
    points = [p for p in study.points if p.samples == count and p.sqnr_db is not None]
    values = [p.sqnr_db for p in points if p.sqnr_db is not None]
    mean = f"{statistics.fmean(values):.2f}" if values else "-"
    span = f"{min(values):.2f} to {max(values):.2f}" if len(values) > 1 else "-"
    agreements = [p.agreement for p in points if p.agreement is not None]
    agreement = f"{min(agreements):.1%}" if agreements else "-"
    return f"{count:7d}  {len(values):5d}  {mean:>12}  {span:<15}  {agreement:>15}"


def _clipping_lines(clipping: Clipping | None) -> list[str]:
    if clipping is None:
        return []
    return [
        "",
        f"Beyond the ranges of the run's variant on {clipping.samples} evaluation samples: "
        f"{clipping.clipped} of {clipping.compared} activations clip values, most first:",
        *(
            f"  {each.clipped:.3%}  {_plain(each.name)}"
            + (f" ({each.operator} has one range by itself)" if each.has_fixed_range else "")
            for each in clipping.tensors[:5]
        ),
    ]


def _plain(text: str) -> str:
    """Return a file's text without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])
